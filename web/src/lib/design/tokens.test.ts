import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { contrast, over } from './contrast';

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8');

function colors(block: string): Record<string, string> {
	const found = [...block.matchAll(/--color-([a-z0-9-]+):\s*(#[0-9a-f]{6,8})/gi)];
	return Object.fromEntries(found.map(([, name, value]) => [name, value]));
}

const [before, after] = css.split("[data-theme='dark']") as [string, string];
const light = colors(before);
const themes = { light, dark: { ...light, ...colors(after) } };

/** [what is written, on which grounds, least ratio] */
const TEXT = ['ink', 'ink-2', 'ink-3', 'accent', 'ok', 'warn', 'bad'];
const GROUNDS = ['canvas', 'surface', 'raised', 'soft'];
const OTHER: [string, string, number][] = [
	['on-accent', 'accent', 4.5],
	['on-accent', 'accent-press', 4.5],
	['on-bad', 'bad', 4.5],
	['on-bad', 'bad-press', 4.5],
	['warn', 'warn-soft', 4.5],
	['bad', 'bad-soft', 4.5],
	['ok', 'ok-soft', 4.5],
	['ink', 'ok-soft', 4.5],
	['ink', 'warn-soft', 4.5],
	['ink', 'bad-soft', 4.5],
	['ink-2', 'bad-soft', 4.5],
	['ink', 'line', 4.5],
	['edge', 'canvas', 3],
	['edge', 'surface', 3],
	['edge', 'raised', 3],
	['accent', 'line', 3],
	...['keyword', 'string', 'number', 'function', 'comment', 'type'].map((token): [string, string, number] => [
		`code-${token}`,
		'canvas',
		4.5,
	]),
];

describe.each(Object.entries(themes))('%s theme', (_, theme) => {
	const pick = (name: string) => theme[name] ?? expect.fail(`no colour named ${name}`);

	test.each(TEXT.flatMap((text) => GROUNDS.map((ground) => [text, ground] as const)))(
		'%s is readable on %s',
		(text, ground) => {
			expect(contrast(pick(text), pick(ground))).toBeGreaterThanOrEqual(4.5);
		},
	);

	test.each(OTHER)('%s on %s is at least %d:1', (text, ground, least) => {
		expect(contrast(pick(text), pick(ground))).toBeGreaterThanOrEqual(least);
	});

	test.each(['canvas', 'surface', 'raised'])('text stays readable on a hovered row on %s', (ground) => {
		const hovered = over(pick('hover'), pick(ground));
		expect(contrast(pick('ink-2'), hovered)).toBeGreaterThanOrEqual(4.5);
		expect(contrast(pick('ink-3'), hovered)).toBeGreaterThanOrEqual(4.5);
	});
});
