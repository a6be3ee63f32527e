import { expect, test } from 'vitest';
import { highlight, languageOf, MAX_COLOURED_CHARS } from './highlight';

test('code comes back unchanged, in coloured pieces', async () => {
	const code = '// one\nfn main() { let a = "x"; }\n\n}';
	const lines = (await highlight(code, 'rs'))!;
	expect(lines.map((line) => line.map((piece) => piece.text).join('')).join('\n')).toBe(code);
	const kinds = new Set(lines.flat().map((piece) => piece.kind));
	expect(kinds).toContain('comment');
	expect(kinds).toContain('keyword');
	expect(kinds).toContain('string');
});

test.each(['python', 'ts', 'sh', 'json', 'yaml', 'sql', 'html', 'svelte', 'c++'])('%s is known', async (name) => {
	expect(languageOf(name)).toBeDefined();
	expect(await highlight('a = 1', name)).toHaveLength(1);
});

test('an unknown language and very long code stay plain', async () => {
	expect(await highlight('x', 'klingon')).toBeUndefined();
	expect(await highlight('x', 'toString')).toBeUndefined();
	expect(await highlight('x'.repeat(MAX_COLOURED_CHARS + 1), 'rust')).toBeUndefined();
});
