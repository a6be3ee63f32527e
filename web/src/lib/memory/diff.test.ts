import { describe, expect, it } from 'vitest';
import { difference, type DiffLine } from './diff';

/** A line of the difference as one reads it: `-` and `+` in front, marked words in brackets. */
function told(lines: readonly DiffLine[]): string[] {
	const sign = { same: ' ', removed: '-', added: '+' };
	return lines.map((line) =>
		line.kind === 'gap'
			? `(${line.count})`
			: sign[line.kind] + line.pieces.map(({ text, marked }) => (marked ? `[${text}]` : text)).join(''),
	);
}

const diff = (before: string, after: string) => told(difference(before, after));

describe('difference', () => {
	it('marks the words of a line that was reworded', () => {
		expect(diff('Ship the beta in December.\nKeep p99 low.', 'Ship the beta in November.\nKeep p99 low.')).toEqual([
			'-Ship the beta in [December].',
			'+Ship the beta in [November].',
			' Keep p99 low.',
		]);
	});

	it('marks no words where little of the line stays', () => {
		expect(diff('Likes tea', 'Prefers strong black coffee')).toEqual([
			'-Likes tea',
			'+Prefers strong black coffee',
		]);
	});

	it('shows lines that come and go, removed before added', () => {
		expect(diff('a\nb\nc', 'a\nc\nd')).toEqual([' a', '-b', ' c', '+d']);
	});

	it('shows a first text as added and an emptied one as removed', () => {
		expect(diff('', 'one\ntwo')).toEqual(['+one', '+two']);
		expect(diff('one', '')).toEqual(['-one']);
		expect(diff('', '')).toEqual([]);
	});

	it('leaves out what is far from a change', () => {
		const lines = Array.from({ length: 20 }, (_, at) => `line ${at}`);
		const changed = lines.with(10, 'something else entirely here');
		expect(diff(lines.join('\n'), changed.join('\n'))).toEqual([
			'(8)',
			' line 8',
			' line 9',
			'-line 10',
			'+something else entirely here',
			' line 11',
			' line 12',
			'(7)',
		]);
	});

	it('gives both texts back, whatever they are', () => {
		const texts = ['', 'a', 'a\nb', 'b\na\n\nb', '\n', 'x y z\nשלום 👋🏽', 'a\nb\nc\nd'];
		const side = (lines: DiffLine[], kind: 'removed' | 'added') =>
			lines.flatMap((line) =>
				line.kind === kind || line.kind === 'same' ? [line.pieces.map(({ text }) => text).join('')] : [],
			);
		for (const before of texts)
			for (const after of texts) {
				const lines = difference(before, after);
				if (lines.some(({ kind }) => kind === 'gap')) continue;
				expect([side(lines, 'removed').join('\n'), side(lines, 'added').join('\n')]).toEqual([before, after]);
			}
	});

	it('stays quick for the longest texts', () => {
		const many = (word: string) => Array.from({ length: 8000 }, (_, at) => `${word}${at % 7}`).join('\n');
		expect(difference(many('a'), many('b'))).toHaveLength(16_000);
	});
});
