import { sveltekit } from '@sveltejs/kit/vite';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vitest/config';

/** Where `npm run dev` sends what is not the web app: a running `tidings serve`. */
const SERVER = process.env.TIDINGS_SERVER ?? 'http://127.0.0.1:8080';

export default defineConfig({
	plugins: [tailwindcss(), sveltekit()],
	// Small fonts stay files: the page allows none from `data:` addresses.
	build: { assetsInlineLimit: 0 },
	server: {
		proxy: {
			'/api': SERVER,
			'/openai': SERVER,
			'/ollama': SERVER,
			'/health': SERVER,
			'/ws': { target: SERVER, ws: true },
		},
	},
	test: {
		projects: [
			{
				extends: true,
				test: {
					name: 'plain',
					environment: 'node',
					include: ['src/**/*.test.ts'],
					exclude: ['src/**/*.svelte.test.ts'],
				},
			},
			{
				extends: true,
				resolve: { conditions: ['browser'] },
				test: {
					name: 'dom',
					environment: 'jsdom',
					include: ['src/**/*.svelte.test.ts'],
					setupFiles: ['./vitest-setup.ts'],
				},
			},
		],
	},
});
