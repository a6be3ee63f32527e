/**
 * The twelve colour pairs of generated avatars, and which one a person has. Every pair is at least 7:1, so one set
 * serves both themes. The server draws the same pictures for clients that ask it for an image.
 */
export interface ColorPair {
	ground: string;
	ink: string;
}

export const AVATAR_COLORS: readonly ColorPair[] = [
	{ ground: '#C9DFF2', ink: '#173A5A' }, // blue
	{ ground: '#F3DCC2', ink: '#5C3508' }, // amber
	{ ground: '#DDE6C8', ink: '#38460F' }, // olive
	{ ground: '#E0D8F3', ink: '#40277A' }, // violet
	{ ground: '#F4D3D9', ink: '#6B1A2C' }, // rose
	{ ground: '#CDE8EA', ink: '#0B4C55' }, // petrol
	{ ground: '#EBE2C5', ink: '#544305' }, // sand
	{ ground: '#D3DAF5', ink: '#23327A' }, // indigo
	{ ground: '#CFE8D3', ink: '#164A24' }, // green
	{ ground: '#EFD3E8', ink: '#651E55' }, // plum
	{ ground: '#F5D5C9', ink: '#6E2410' }, // brick
	{ ground: '#D5DDE6', ink: '#2C3E50' }, // slate
];

/** The pair of whoever has this id: FNV-1a, 32 bit, over its UTF-8 bytes, modulo twelve. */
export function colorPair(id: string): ColorPair {
	let hash = 0x811c9dc5;
	for (const byte of new TextEncoder().encode(id)) {
		hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
	}
	return AVATAR_COLORS[hash % AVATAR_COLORS.length]!;
}
