/**
 * Markdown in, safe pieces out. A text becomes a list of top-level blocks, so that a growing answer renders its last
 * block again and leaves the others alone. Everything that becomes HTML goes through DOMPurify with a short list of
 * allowed elements; pictures from elsewhere become links, because loading them would tell strangers who reads.
 */
import DOMPurify from 'dompurify';
import { Marked, type Token, type Tokens } from 'marked';

export type Block =
	| { kind: 'html'; raw: string; html: string }
	| { kind: 'table'; raw: string; html: string }
	| { kind: 'code'; raw: string; code: string; lang: string; closed: boolean };

const ALLOWED_TAGS =
	'a b blockquote br code del details em h3 h4 h5 h6 hr i img input kbd li ol p pre s span strong sub summary sup table tbody td th thead tr u ul'.split(
		' ',
	);
const ALLOWED_ATTRIBUTES = ['align', 'alt', 'checked', 'disabled', 'href', 'open', 'src', 'start', 'title', 'type'];
/** Absolute addresses of these kinds, and paths inside the app. */
const SAFE_LINK = /^(?:https?:|mailto:|tel:|\/(?!\/)|#|\?)/i;
const SAFE_PICTURE = /^(?:\/(?!\/)|data:image\/(?:png|jpe?g|gif|webp|avif);base64,)/i;

const marked = new Marked({
	gfm: true,
	breaks: true,
	renderer: {
		// A message's headings stand below those of the page.
		heading({ tokens, depth }) {
			const level = Math.min(depth + 2, 6);
			return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>\n`;
		},
	},
});

/** Splits a text into blocks. Blocks of `before` that are still the same are taken over, object and all. */
export function toBlocks(text: string, before: readonly Block[] = []): Block[] {
	const source = text.replace(/\r\n?/g, '\n');
	const { kept, length } = stillTrue(source, before);
	const fresh = marked.lexer(source.slice(length));
	const blocks: Block[] = kept;
	for (const token of fresh) {
		if (token.type === 'space' || token.type === 'def') {
			// Blank lines belong to the block before, so that offsets add up to the text.
			const last = blocks[blocks.length - 1];
			if (last) blocks[blocks.length - 1] = { ...last, raw: last.raw + token.raw };
			continue;
		}
		blocks.push(toBlock(token));
	}
	return blocks;
}

/** The blocks that a longer text cannot change any more: all but the last two that it still begins with. */
function stillTrue(source: string, before: readonly Block[]): { kept: Block[]; length: number } {
	// A link may be defined further down than it is used; then everything is read again.
	if (/^ {0,3}\[[^\]\n]+\]:/m.test(source)) return { kept: [], length: 0 };
	const kept: Block[] = [];
	let length = 0;
	for (const block of before.slice(0, -2)) {
		if (!source.startsWith(block.raw, length)) break;
		kept.push(block);
		length += block.raw.length;
	}
	return { kept, length };
}

function toBlock(token: Token): Block {
	const { raw } = token;
	if (token.type === 'code') {
		const { text, lang = '' } = token as Tokens.Code;
		const fence = /^ {0,3}(`{3,}|~{3,})/.exec(raw)?.[1];
		const closed = !fence || raw.trimEnd().endsWith('\n' + fence);
		return { kind: 'code', raw, code: text, lang: lang.split(/[\s{,:]/, 1)[0]!.toLowerCase(), closed };
	}
	const html = clean(marked.parser([token]));
	return { kind: token.type === 'table' ? 'table' : 'html', raw, html };
}

/** Makes HTML harmless: allowed elements only, links that leave the app open elsewhere and pass nothing on. */
export function clean(html: string): string {
	return purifier().sanitize(html, {
		ALLOWED_TAGS,
		ALLOWED_ATTR: ALLOWED_ATTRIBUTES,
		// Their values are no addresses; all other attributes must match the pattern below.
		ADD_URI_SAFE_ATTR: ['align', 'alt', 'checked', 'disabled', 'open', 'start', 'title', 'type'],
		ALLOW_DATA_ATTR: false,
		ALLOW_ARIA_ATTR: false,
		ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|tel:|data:image\/|[/#?])/i,
	});
}

let instance: typeof DOMPurify | undefined;

function purifier(): typeof DOMPurify {
	if (instance) return instance;
	instance = DOMPurify(window);
	instance.addHook('afterSanitizeAttributes', (node) => {
		if (node.tagName === 'A') safeLink(node);
		else if (node.tagName === 'IMG') safePicture(node);
		else if (node.tagName === 'INPUT') safeCheckbox(node);
	});
	return instance;
}

function safeLink(link: Element) {
	const href = link.getAttribute('href') ?? '';
	if (!SAFE_LINK.test(href)) {
		link.removeAttribute('href');
	} else if (/^https?:/i.test(href) && !href.startsWith(location.origin + '/')) {
		link.setAttribute('target', '_blank');
		link.setAttribute('rel', 'noopener noreferrer nofollow');
	}
}

function safePicture(picture: Element) {
	const src = picture.getAttribute('src') ?? '';
	if (SAFE_PICTURE.test(src)) {
		picture.setAttribute('loading', 'lazy');
		if (!picture.hasAttribute('alt')) picture.setAttribute('alt', '');
		return;
	}
	const elsewhere = /^https?:/i.test(src);
	const words = picture.ownerDocument.createElement(elsewhere ? 'a' : 'span');
	words.textContent = picture.getAttribute('alt') || 'Picture';
	if (elsewhere) {
		words.setAttribute('href', src);
		safeLink(words);
	}
	picture.replaceWith(words);
}

/** Only the boxes of a task list: shown, never changed. */
function safeCheckbox(input: Element) {
	if (input.getAttribute('type') !== 'checkbox') {
		input.remove();
		return;
	}
	input.setAttribute('disabled', '');
	input.setAttribute('aria-label', input.hasAttribute('checked') ? 'done' : 'to do');
}
