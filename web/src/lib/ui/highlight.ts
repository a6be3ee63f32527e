/**
 * Colours for code, as class names. Shiki's own JavaScript engine (no Wasm, no inline styles: both would need a wider
 * content security policy); each language is loaded when it is first met.
 */
import type { HighlighterCore, LanguageInput, ThemeRegistration } from 'shiki/core';

/** A run of characters of one kind; `kind` is a colour token of the design, or nothing for plain ink. */
export interface Piece {
	text: string;
	kind?: Kind;
}

export type Kind = 'keyword' | 'string' | 'number' | 'function' | 'comment' | 'type';

/** Longer code stays plain: colouring it would block the page. */
export const MAX_COLOURED_CHARS = 30_000;

const LANGUAGES: Record<string, () => Promise<{ default: LanguageInput }>> = {
	bash: () => import('@shikijs/langs/shellscript'),
	c: () => import('@shikijs/langs/c'),
	csharp: () => import('@shikijs/langs/csharp'),
	css: () => import('@shikijs/langs/css'),
	diff: () => import('@shikijs/langs/diff'),
	docker: () => import('@shikijs/langs/docker'),
	elixir: () => import('@shikijs/langs/elixir'),
	go: () => import('@shikijs/langs/go'),
	graphql: () => import('@shikijs/langs/graphql'),
	haskell: () => import('@shikijs/langs/haskell'),
	html: () => import('@shikijs/langs/html'),
	ini: () => import('@shikijs/langs/ini'),
	java: () => import('@shikijs/langs/java'),
	json: () => import('@shikijs/langs/json'),
	kotlin: () => import('@shikijs/langs/kotlin'),
	lua: () => import('@shikijs/langs/lua'),
	markdown: () => import('@shikijs/langs/markdown'),
	python: () => import('@shikijs/langs/python'),
	ruby: () => import('@shikijs/langs/ruby'),
	rust: () => import('@shikijs/langs/rust'),
	sql: () => import('@shikijs/langs/sql'),
	svelte: () => import('@shikijs/langs/svelte'),
	swift: () => import('@shikijs/langs/swift'),
	toml: () => import('@shikijs/langs/toml'),
	tsx: () => import('@shikijs/langs/tsx'),
	typescript: () => import('@shikijs/langs/typescript'),
	xml: () => import('@shikijs/langs/xml'),
	yaml: () => import('@shikijs/langs/yaml'),
	zig: () => import('@shikijs/langs/zig'),
};

/** Other names that people write after the fence. C++ borrows the grammar of C, which is seven times smaller. */
const ALIASES: Record<string, string> = {
	'c#': 'csharp',
	'c++': 'c',
	cpp: 'c',
	cs: 'csharp',
	conf: 'ini',
	dockerfile: 'docker',
	ex: 'elixir',
	golang: 'go',
	h: 'c',
	hs: 'haskell',
	javascript: 'typescript',
	js: 'typescript',
	jsonc: 'json',
	jsx: 'tsx',
	kt: 'kotlin',
	md: 'markdown',
	mjs: 'typescript',
	patch: 'diff',
	py: 'python',
	rb: 'ruby',
	rs: 'rust',
	sh: 'bash',
	shell: 'bash',
	ts: 'typescript',
	yml: 'yaml',
	zsh: 'bash',
};

/** Shiki's themes know colours, not names: each kind has a colour that stands for it and is never shown. */
const STAND_IN: Record<string, Kind> = {
	'#000001': 'keyword',
	'#000002': 'string',
	'#000003': 'number',
	'#000004': 'function',
	'#000005': 'comment',
	'#000006': 'type',
};

const THEME: ThemeRegistration = {
	name: 'kinds',
	type: 'light',
	colors: { 'editor.foreground': '#000000', 'editor.background': '#ffffff' },
	settings: [
		{ settings: { foreground: '#000000' } },
		{
			scope: ['keyword', 'storage', 'keyword.operator.word', 'entity.name.tag'],
			settings: { foreground: '#000001' },
		},
		{ scope: ['keyword.operator', 'punctuation'], settings: { foreground: '#000000' } },
		{ scope: ['string', 'markup.inserted', 'punctuation.definition.string'], settings: { foreground: '#000002' } },
		{ scope: ['constant', 'markup.deleted', 'variable.language'], settings: { foreground: '#000003' } },
		{
			scope: ['entity.name.function', 'support.function', 'meta.function-call.generic'],
			settings: { foreground: '#000004' },
		},
		{ scope: ['comment', 'punctuation.definition.comment'], settings: { foreground: '#000005' } },
		{
			scope: [
				'entity.name.type',
				'entity.other.attribute-name',
				'support.type',
				'support.class',
				'storage.type.primitive',
			],
			settings: { foreground: '#000006' },
		},
	],
};

let core: Promise<HighlighterCore> | undefined;

/** Our name for the language, or nothing if it is unknown. */
export function languageOf(name: string): string | undefined {
	const key = Object.hasOwn(ALIASES, name) ? ALIASES[name]! : name;
	return Object.hasOwn(LANGUAGES, key) ? key : undefined;
}

/** The lines of the code in coloured pieces, or nothing if it stays plain. */
export async function highlight(code: string, lang: string): Promise<Piece[][] | undefined> {
	const name = languageOf(lang);
	if (!name || code.length > MAX_COLOURED_CHARS) return undefined;
	core ??= makeCore();
	const highlighter = await core;
	const { default: language } = await LANGUAGES[name]!();
	await highlighter.loadLanguage(language);
	const grammar = name === 'bash' ? 'shellscript' : name;
	return highlighter
		.codeToTokensBase(code, { lang: grammar, theme: 'kinds' })
		.map((line) =>
			line.map(({ content, color }) => ({ text: content, kind: STAND_IN[color?.toLowerCase() ?? ''] })),
		);
}

async function makeCore(): Promise<HighlighterCore> {
	const [{ createHighlighterCore }, { createJavaScriptRegexEngine }] = await Promise.all([
		import('shiki/core'),
		import('shiki/engine/javascript'),
	]);
	return createHighlighterCore({
		themes: [THEME],
		langs: [],
		engine: createJavaScriptRegexEngine({ forgiving: true }),
	});
}
