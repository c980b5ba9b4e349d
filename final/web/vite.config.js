import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

// The pages are served under a Content-Security-Policy without inline scripts and styles,
// so no file may be inlined.
export default defineConfig({
  plugins: [vue()],
  base: './',
  define: { __VUE_I18N_LEGACY_API__: 'false', __VUE_I18N_FULL_INSTALL__: 'false',
            __INTLIFY_PROD_DEVTOOLS__: 'false', __VUE_OPTIONS_API__: 'true' },
  build: {
    target: 'es2020',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8099' } }
})
