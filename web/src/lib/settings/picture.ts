/** Pictures of people: small squares, kept as data addresses. */

/** What the server stores for somebody without a picture of their own. */
export const NO_PICTURE = '/user.png';
const EDGE_PX = 256;

/** Whether the server draws initials for this address. */
export function isGenerated(url: string): boolean {
	return url === '' || url === NO_PICTURE;
}

/** The middle of a picture as a square of 256 px. Fails for what is no picture. */
export async function shrunk(file: Blob): Promise<string> {
	const bitmap = await createImageBitmap(file);
	const edge = Math.min(bitmap.width, bitmap.height);
	const canvas = document.createElement('canvas');
	canvas.width = canvas.height = EDGE_PX;
	const context = canvas.getContext('2d');
	if (!context) throw new Error('no canvas');
	const left = (bitmap.width - edge) / 2;
	const top = (bitmap.height - edge) / 2;
	context.drawImage(bitmap, left, top, edge, edge, 0, 0, EDGE_PX, EDGE_PX);
	bitmap.close();
	return canvas.toDataURL('image/webp', 0.85);
}
