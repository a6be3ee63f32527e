/** Contrast of two colours after WCAG 2: what the tests measure with, never part of the app. */

/** The ratio of two `#rrggbb` colours, 1 to 21. */
export function contrast(a: string, b: string): number {
	const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
	return (light + 0.05) / (dark + 0.05);
}

function luminance(color: string): number {
	const [r, g, b] = channels(color).map((value) => {
		const part = value / 255;
		return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
	}) as [number, number, number];
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function channels(color: string): number[] {
	const match = /^#([0-9a-f]{6})$/i.exec(color);
	if (!match?.[1]) throw new Error(`not a #rrggbb colour: ${color}`);
	return [0, 2, 4].map((at) => parseInt(match[1]!.slice(at, at + 2), 16));
}

/** A translucent `#rrggbbaa` colour laid over an opaque one. */
export function over(top: string, ground: string): string {
	const alpha = parseInt(top.slice(7, 9), 16) / 255;
	const mixed = channels(top.slice(0, 7)).map((value, at) => value * alpha + channels(ground)[at]! * (1 - alpha));
	return '#' + mixed.map((value) => Math.round(value).toString(16).padStart(2, '0')).join('');
}
