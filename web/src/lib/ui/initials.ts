/** One or two letters that stand for a name: of its first and its last word, as a reader would pick them. */

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

export function initials(name: string): string {
	const words = name
		.split(/\s+/)
		.map((word) => word.replace(/^[\p{P}\p{Z}\p{C}]+/u, ''))
		.filter((word) => word !== '');
	const first = firstGrapheme(words[0] ?? '');
	if (first === '') return '?';
	const last = words.length > 1 ? firstGrapheme(words[words.length - 1]!) : '';
	// Scripts without capitals join their letters or need one sign only; an emoji speaks for itself.
	return hasCase(first) && hasCase(last)
		? first.toLocaleUpperCase() + last.toLocaleUpperCase()
		: first.toLocaleUpperCase();
}

function firstGrapheme(word: string): string {
	for (const { segment } of graphemes.segment(word)) return segment;
	return '';
}

function hasCase(sign: string): boolean {
	return sign.toLocaleLowerCase() !== sign.toLocaleUpperCase();
}
