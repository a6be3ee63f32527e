import { externalStart } from './adapter.js';

/** @type {import('@sveltejs/kit').Config} */
export default {
	compilerOptions: {
		// Runes everywhere in our own files; packages choose for themselves.
		runes: ({ filename }) => (filename.split(/[/\\]/).includes('node_modules') ? undefined : true),
	},
	kit: {
		adapter: externalStart(),
		// The page names its files by absolute path: one index.html answers every address.
		paths: { relative: false },
		version: { pollInterval: 0 },
	},
};
