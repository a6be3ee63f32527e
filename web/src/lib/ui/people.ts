/** Somebody who can be picked. */
export interface Pickable {
	id: string;
	name: string;
	/** Under or beside the name: an address, a role. */
	note?: string;
	src?: string | null;
	online?: boolean;
	/** Why this one cannot be picked, e.g. "already a member". */
	disabledReason?: string;
}
