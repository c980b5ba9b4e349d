import { createRouter, createWebHashHistory } from 'vue-router'
import { session, loadSession } from './lib/session.js'

const page = (path, name, load, menu) => ({ path, name, component: load, meta: { menu: menu ?? name } })

export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    page('/', 'overview', () => import('./views/Overview.vue')),
    page('/modules', 'modules', () => import('./views/Modules.vue')),
    page('/modules/:m(\\d+)/:c(\\d+)', 'module', () => import('./views/Module.vue'), 'modules'),
    page('/history', 'history', () => import('./views/History.vue'), 'modules'),
    page('/zones', 'zones', () => import('./views/Zones.vue')),
    page('/alarms', 'alarms', () => import('./views/Alarms.vue')),
    page('/alarms/:id(\\d+)', 'alarm', () => import('./views/Alarm.vue'), 'alarms'),
    page('/changes', 'changes', () => import('./views/Changes.vue')),
    page('/changes/:id(\\d+)', 'change', () => import('./views/Change.vue'), 'changes'),
    page('/services', 'services', () => import('./views/Services.vue')),
    page('/gateways', 'gateways', () => import('./views/Gateways.vue')),
    page('/scaling', 'scaling', () => import('./views/Scaling.vue')),
    page('/drills', 'drill', () => import('./views/Drill.vue'), 'drills'),
    page('/about', 'about', () => import('./views/About.vue')),
    { path: '/wall', name: 'wall', component: () => import('./views/Wall.vue'), meta: { bare: true } },
    { path: '/:rest(.*)*', redirect: '/' }
  ],
  scrollBehavior: (to, from) => (to.path === from.path ? undefined : { top: 0 })
})

// The wall logs in by its link; every other page asks once who the user is.
router.beforeEach(async to => {
  if (!to.meta.bare && !session.asked)
    await loadSession()
})
