/**
 * How one reads an open channel: where the rule "New" stands, and whether being at the end counts as having read it.
 */
import type { ChannelId } from '@tidings/client';
import type { Unread } from './unread.svelte';

export class Reading {
	readonly #unread: Unread;
	readonly #id: ChannelId;
	#ruleAfter = $state<number | null>(null);
	#isHeldUnread = $state(false);
	#hasBegun = false;
	#lastSeen: number;

	constructor(unread: Unread, id: ChannelId) {
		this.#unread = unread;
		this.#id = id;
		this.#lastSeen = unread.lastNo(id);
	}

	/** "New" stands after this number; null for no rule. */
	get ruleAfter(): number | null {
		return this.#ruleAfter;
	}

	/** Marked unread by hand: reading on does not undo it until one writes or leaves. */
	get isHeldUnread(): boolean {
		return this.#isHeldUnread;
	}

	/** The messages are here for the first time. Answers whether something in them is new. */
	begin(): boolean {
		this.#hasBegun = true;
		this.#ruleAfter = this.#unread.of(this.#id) > 0 ? this.#unread.readNo(this.#id) : null;
		return this.#ruleAfter !== null;
	}

	/** What comes while nobody reads begins a new part, unless the part before is not read to its end either. */
	arrived(last: number, isReading: boolean): void {
		const isMore = last > this.#lastSeen;
		this.#lastSeen = last;
		if (!this.#hasBegun || !isMore || isReading) return;
		const readNo = this.#unread.readNo(this.#id);
		if (this.#ruleAfter === null || readNo > this.#ruleAfter) this.#ruleAfter = Math.min(readNo, last - 1);
	}

	/** The message of this number and what follows is unread. */
	markUnread(no: number): void {
		this.#ruleAfter = no - 1;
		this.#isHeldUnread = true;
	}

	/** A message of one's own ends the part that was held unread. */
	wrote(): void {
		this.#isHeldUnread = false;
	}
}
