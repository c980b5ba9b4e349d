import { createApp } from 'vue'
import 'element-plus/theme-chalk/base.css'
import 'element-plus/theme-chalk/el-button.css'
import 'element-plus/theme-chalk/el-input.css'
import 'element-plus/theme-chalk/el-dialog.css'
import 'element-plus/theme-chalk/el-overlay.css'
import 'element-plus/theme-chalk/dark/css-vars.css'
import './style.css'
import App from './App.vue'
import { i18n } from './lib/i18n.js'
import { applyTheme } from './lib/prefs.js'
import { router } from './router.js'
import { keepFocus } from './lib/focus.js'

applyTheme()
keepFocus(router)
createApp(App).use(i18n).use(router).mount('#app')
