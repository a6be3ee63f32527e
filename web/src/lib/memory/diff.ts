/**
 * The difference of two short texts by lines, with the words that changed marked inside a line. Pure.
 *
 * The longest common subsequence, after what is equal at both ends was set aside; memory blocks are at most 16 KiB.
 */
export interface Piece {
	text: string;
	/** These words are not in the other line. */
	marked: boolean;
}

export type DiffLine =
	| { kind: 'same' | 'removed' | 'added'; pieces: Piece[] }
	/** So many unchanged lines are left out. */
	| { kind: 'gap'; count: number };

type Edit = { kind: 'same' | 'removed' | 'added'; text: string };
type Line = Extract<DiffLine, { pieces: Piece[] }>;

/** Above this many cells the table would cost more than the exact difference is worth; then all of it counts as changed. */
const MAX_CELLS = 1_000_000;
/** Unchanged lines that are shown around a change. */
const AROUND = 2;
/** Words are marked only where at least this part of a line stays; else the marks would be confetti. */
const LEAST_KEPT = 0.35;

/** The lines of both texts in reading order: what goes, what comes, what stays. */
export function difference(before: string, after: string): DiffLine[] {
	return folded(withWords(edits(linesOf(before), linesOf(after))));
}

function linesOf(text: string): string[] {
	return text === '' ? [] : text.split(/\r?\n/);
}

function edits(a: readonly string[], b: readonly string[]): Edit[] {
	let start = 0;
	while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
	let end = 0;
	while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
	const as = (kind: Edit['kind'], texts: readonly string[]) => texts.map((text) => ({ kind, text }));
	const middle = [a.slice(start, a.length - end), b.slice(start, b.length - end)] as const;
	return [...as('same', a.slice(0, start)), ...common(...middle), ...as('same', a.slice(a.length - end))];
}

/** Walks the table of longest common subsequences from its start. */
function common(a: readonly string[], b: readonly string[]): Edit[] {
	const width = b.length + 1;
	const isTooLarge = (a.length + 1) * width > MAX_CELLS;
	const table = new Uint16Array(isTooLarge ? 0 : (a.length + 1) * width);
	const at = (i: number, j: number) => table[i * width + j] ?? 0;
	for (let i = a.length - 1; i >= 0 && !isTooLarge; i--)
		for (let j = b.length - 1; j >= 0; j--)
			table[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
	const found: Edit[] = [];
	let [i, j] = [0, 0];
	while (i < a.length || j < b.length) {
		const [before, after] = [a[i], b[j]];
		if (before !== undefined && before === after && !isTooLarge) {
			found.push({ kind: 'same', text: before });
			i += 1;
			j += 1;
		} else if (before !== undefined && (after === undefined || at(i + 1, j) >= at(i, j + 1))) {
			found.push({ kind: 'removed', text: before });
			i += 1;
		} else if (after !== undefined) {
			found.push({ kind: 'added', text: after });
			j += 1;
		}
	}
	return found;
}

/** Puts what goes before what comes in each change, and marks the words where a line was reworded. */
function withWords(edits: readonly Edit[]): Line[] {
	const lines: Line[] = [];
	let [removed, added]: [string[], string[]] = [[], []];
	const flush = () => {
		const pairs = removed.map((text, at) => (added[at] === undefined ? null : words(text, added[at])));
		removed.forEach((text, at) => lines.push({ kind: 'removed', pieces: pairs[at]?.[0] ?? plain(text) }));
		added.forEach((text, at) => lines.push({ kind: 'added', pieces: pairs[at]?.[1] ?? plain(text) }));
		[removed, added] = [[], []];
	};
	for (const { kind, text } of edits) {
		if (kind === 'removed') removed.push(text);
		else if (kind === 'added') added.push(text);
		else {
			flush();
			lines.push({ kind, pieces: plain(text) });
		}
	}
	flush();
	return lines;
}

function words(before: string, after: string): [Piece[], Piece[]] | null {
	const tokens = (text: string) => text.match(/\s+|[\p{L}\p{M}\p{N}_]+|[^\s]/gu) ?? [];
	const found = edits(tokens(before), tokens(after));
	const kept = found.reduce((sum, { kind, text }) => (kind === 'same' ? sum + text.trim().length : sum), 0);
	if (kept < LEAST_KEPT * Math.max(before.length, after.length)) return null;
	const side = (kind: 'removed' | 'added') =>
		found
			.filter((edit) => edit.kind === 'same' || edit.kind === kind)
			.reduce<Piece[]>((pieces, edit) => joined(pieces, edit.text, edit.kind === kind), []);
	return [side('removed'), side('added')];
}

function joined(pieces: Piece[], text: string, marked: boolean): Piece[] {
	const last = pieces.at(-1);
	if (last?.marked !== marked) return [...pieces, { text, marked }];
	return [...pieces.slice(0, -1), { text: last.text + text, marked }];
}

function plain(text: string): Piece[] {
	return [{ text, marked: false }];
}

/** Leaves out what is far from any change. */
function folded(lines: readonly Line[]): DiffLine[] {
	const isNear = (at: number) =>
		lines.slice(Math.max(0, at - AROUND), at + AROUND + 1).some((line) => line.kind !== 'same');
	const shown: DiffLine[] = [];
	lines.forEach((line, at) => {
		const last = shown.at(-1);
		if (isNear(at)) shown.push(line);
		else if (last?.kind === 'gap') last.count += 1;
		else shown.push({ kind: 'gap', count: 1 });
	});
	return shown;
}
