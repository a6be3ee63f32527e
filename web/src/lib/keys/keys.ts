/**
 * The keys of the app: what they do, and which key press is which. Pure; the shell listens.
 */

export interface KeyHelp {
	keys: string;
	does: string;
}

/** What `?` lists. */
export const KEY_HELP: { group: string; keys: KeyHelp[] }[] = [
	{
		group: 'Anywhere',
		keys: [
			{ keys: 'Ctrl K', does: 'Jump to a channel, person, chat or page' },
			{ keys: 'Alt ↑', does: 'Channel or conversation above' },
			{ keys: 'Alt ↓', does: 'Channel or conversation below' },
			{ keys: 'Alt Shift ↑', does: 'Unread conversation above' },
			{ keys: 'Alt Shift ↓', does: 'Unread conversation below' },
			{ keys: 'Esc', does: 'Close what is open' },
			{ keys: '?', does: 'Show these keys' },
		],
	},
	{
		group: 'Writing',
		keys: [
			{ keys: 'Enter', does: 'Send' },
			{ keys: 'Shift Enter', does: 'New line' },
			{ keys: '↑', does: 'In an empty field: edit your last message' },
			{ keys: 'Esc', does: 'Leave editing' },
		],
	},
	{
		group: 'Reading',
		keys: [
			{ keys: '↑', does: 'On a message: the one before' },
			{ keys: '↓', does: 'On a message: the one after' },
			{ keys: 'Tab', does: 'To its actions' },
		],
	},
];

export type Shortcut = 'jump' | 'help' | 'above' | 'below' | 'unread-above' | 'unread-below';

type Press = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>;

/** Which shortcut a key press is; `typing` says that it would write into a field. */
export function shortcutOf(press: Press, typing: boolean): Shortcut | null {
	const { key, ctrlKey, metaKey, altKey, shiftKey } = press;
	if ((ctrlKey || metaKey) && !altKey && !shiftKey && key.toLowerCase() === 'k') return 'jump';
	if (altKey && !ctrlKey && !metaKey && key === 'ArrowUp') return shiftKey ? 'unread-above' : 'above';
	if (altKey && !ctrlKey && !metaKey && key === 'ArrowDown') return shiftKey ? 'unread-below' : 'below';
	if (key === '?' && !typing && !ctrlKey && !metaKey && !altKey) return 'help';
	return null;
}

/** The neighbour of `current` in a list of places, round the ends; the first or last if it is not in the list. */
export function neighbour<T>(places: readonly T[], current: T | null, step: 1 | -1): T | undefined {
	const at = current === null ? -1 : places.indexOf(current);
	if (at === -1) return step === 1 ? places[0] : places.at(-1);
	return places[(at + step + places.length) % places.length];
}

export function isTyping(target: EventTarget | null): boolean {
	return (
		target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
	);
}
