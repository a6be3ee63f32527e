/** How keys are named on the machine at hand. */

const MAC: Record<string, string> = { Ctrl: '⌘', Alt: '⌥', Shift: '⇧' };

/** Whether shortcuts use ⌘ here. */
export function isMac(): boolean {
	return typeof navigator !== 'undefined' && /mac|iphone|ipad/i.test(navigator.platform);
}

/** The names of the keys in `Ctrl Shift K`, one by one. */
export function keyNames(keys: string, mac = isMac()): string[] {
	return keys.split(' ').map((key) => (mac ? (MAC[key] ?? key) : key));
}
