/** The lines of a Menu. */
import type { Icon } from './icon';

export interface MenuAction {
	label: string;
	icon?: Icon;
	/** Shown at the end, as in `E`. */
	keys?: string;
	/** Red: takes something away. */
	danger?: boolean;
	/** Shows a check mark; the line is then a choice. */
	checked?: boolean;
	disabled?: boolean;
	/** Why it is disabled, as a second line. Setting it disables. */
	disabledReason?: string;
	/** A link instead of an action. */
	href?: string;
	onselect?: () => void;
}

/** `'-'` draws a line; `{heading}` names what follows. */
export type MenuItem = MenuAction | { heading: string } | '-';
