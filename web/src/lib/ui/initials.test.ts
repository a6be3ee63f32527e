import { expect, test } from 'vitest';
import { contrast } from '$lib/design/contrast';
import { AVATAR_COLORS, colorPair } from '$lib/design/avatar-colors';
import { initials } from './initials';

test.each([
	['Grace Hopper', 'GH'],
	['ada', 'A'],
	['  Ada   King of Lovelace ', 'AL'],
	['“Ada” (Lovelace)', 'AL'],
	['élise dupont', 'ÉD'],
	['👩‍🚀 Astro Naut', '👩‍🚀'],
	['🦊', '🦊'],
	['محمد بن موسى', 'م'],
	['שרה כהן', 'ש'],
	['山田太郎', '山'],
	['Ada 2', 'A'],
	['Wolfeschlegelsteinhausenbergerdorff-Montgomery the Third of It', 'WI'],
	['...', '?'],
	['', '?'],
])('%s is shown as %s', (name, expected) => {
	expect(initials(name)).toBe(expected);
});

test('there are twelve colour pairs, each readable', () => {
	expect(AVATAR_COLORS).toHaveLength(12);
	for (const { ground, ink } of AVATAR_COLORS) expect(contrast(ground, ink)).toBeGreaterThanOrEqual(7);
});

test('the pair follows FNV-1a of the id, as the server draws it', () => {
	// FNV-1a 32: "" = 0x811c9dc5, "a" = 0xe40c292c, "foobar" = 0xbf9cf968.
	expect(colorPair('')).toBe(AVATAR_COLORS[0x811c9dc5 % 12]);
	expect(colorPair('a')).toBe(AVATAR_COLORS[0xe40c292c % 12]);
	expect(colorPair('foobar')).toBe(AVATAR_COLORS[0xbf9cf968 % 12]);
});
