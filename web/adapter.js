/**
 * Builds the static app into `build/`, with a page that needs no inline script.
 *
 * SvelteKit puts the code that starts the app inline into the page. Our server sends `script-src 'self'`, so that
 * code moves into a file of its own, named by its content and cached for ever. Compression comes last, so that the
 * `.br` and `.gz` files hold what was changed here.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import adapterStatic from '@sveltejs/adapter-static';

const OUTPUT = 'build';
const PAGE = 'index.html';
/** The font of nearly every letter: asked for with the page, so that text does not change its shape. */
const FIRST_FONT = /^schibsted-grotesk-latin-wght-normal\..*\.woff2$/;
const INLINE_SCRIPT = /<script>([\s\S]*?)<\/script>/g;

/** @returns {import('@sveltejs/kit').Adapter} */
export function externalStart() {
	const inner = adapterStatic({ pages: OUTPUT, assets: OUTPUT, fallback: PAGE, precompress: false, strict: true });
	return {
		...inner,
		name: 'static-with-external-start',
		async adapt(builder) {
			await inner.adapt(builder);
			const page = join(OUTPUT, PAGE);
			const html = readFileSync(page, 'utf8');
			writeFileSync(page, preloadFont(moveScripts(html, builder.getAppPath()), builder.getAppPath()));
			await builder.compress(OUTPUT);
		},
	};
}

/**
 * Writes each inline script of a page to a file and returns the page that refers to it.
 * A classic script at the same place keeps `document.currentScript`, which the code relies on.
 *
 * @param {string} html
 * @param {string} appPath
 */
function moveScripts(html, appPath) {
	return html.replace(INLINE_SCRIPT, (_, /** @type {string} */ code) => {
		const hash = createHash('sha256').update(code).digest('hex').slice(0, 8);
		const path = `${appPath}/immutable/start.${hash}.js`;
		writeFileSync(join(OUTPUT, path), code.trim() + '\n');
		return `<script src="/${path}"></script>`;
	});
}

/**
 * @param {string} html
 * @param {string} appPath
 */
function preloadFont(html, appPath) {
	const folder = `${appPath}/immutable/assets`;
	const font = readdirSync(join(OUTPUT, folder)).find((name) => FIRST_FONT.test(name));
	if (!font) throw new Error(`no font like ${FIRST_FONT} in ${folder}`);
	const link = `<link rel="preload" href="/${folder}/${font}" as="font" type="font/woff2" crossorigin />`;
	return html.replace('</head>', `\t${link}\n\t</head>`);
}
