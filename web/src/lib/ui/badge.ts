/** The largest number a badge writes out; above it the exact number no longer helps, and the badge keeps its width. */
export const MAX_SHOWN = 99;

/** What the badge shows for a count. Screen readers always hear the exact number. */
export function badgeText(count: number): string {
	return count > MAX_SHOWN ? `${MAX_SHOWN}+` : String(count);
}
