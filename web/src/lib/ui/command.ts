/** One line of the CommandPalette. */
import type { Icon } from './icon';

export interface CommandItem {
	id: string;
	label: string;
	/** Lines with the same group stand together under its name; the order of the items decides. */
	group?: string;
	icon?: Icon;
	/** Shows an avatar instead of an icon. */
	person?: { id: string; name: string; src?: string | null; online?: boolean };
	/** At the end: "12 unread". */
	note?: string;
	keys?: string;
}
