/** One line of a Select. */
import type { Icon } from './icon';

export interface SelectOption {
	value: string;
	label: string;
	/** A second line. */
	hint?: string;
	icon?: Icon;
	/** Why it cannot be chosen; setting it disables. */
	disabledReason?: string;
}
