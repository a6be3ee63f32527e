/**
 * Who gets told what: a toast for a message elsewhere, once per message and only in a tab that is looked at; and a spoken
 * line for what arrives on screen.
 */
import type { ChannelId, MessageId, UserId } from '@tidings/client';
import { createContext } from 'svelte';

/** How long a toast stays, in milliseconds. */
export const TOAST_MS = 15_000;
/** How many toasts one channel has at most; what comes then takes the place of the last. As many as fit on the screen. */
const MOST_TOASTS = 3;
/** How many message ids are remembered so that nothing is told twice. */
const REMEMBERED = 500;

export interface Notice {
	/** The message's id, or that of one whose toast it takes over. */
	id: string;
	authorId: UserId | null;
	author: string;
	/** Where it was written: "#launch", or nothing for a direct message. */
	where: string;
	text: string;
	href: string;
}

/** What shows toasts: the app's toaster, or a list in tests. */
export interface Toaster {
	show(notice: Notice): void;
	dismiss(id: string): void;
}

export class Notices {
	readonly #toaster: Toaster;
	readonly #isLookedAt: () => boolean;
	#told = new Set<string>();
	#shown = new Map<ChannelId, { id: MessageId; no: number }[]>();
	#spoken = $state('');
	#openChannel: ChannelId | null = null;

	constructor(toaster: Toaster, isLookedAt: () => boolean) {
		this.#toaster = toaster;
		this.#isLookedAt = isLookedAt;
	}

	/** The text of the one polite live region. */
	get spoken(): string {
		return this.#spoken;
	}

	/** The channel page that is open in this tab; its messages need no toast. */
	opened(channel: ChannelId | null): void {
		this.#openChannel = channel;
		if (channel !== null) this.#clear(channel, Number.POSITIVE_INFINITY);
	}

	/** A message of somebody else arrived in a channel. */
	message(channel: ChannelId, no: number, notice: Notice): void {
		if (!this.#isNew(notice.id)) return;
		if (channel === this.#openChannel) {
			this.#spoken = `${notice.author}: ${notice.text}`;
			return;
		}
		if (!this.#isLookedAt()) return;
		const shown = this.#shown.get(channel) ?? [];
		const id = shown[MOST_TOASTS - 1]?.id ?? notice.id;
		this.#shown.set(channel, [...shown.slice(0, MOST_TOASTS - 1), { id, no }]);
		this.#toaster.show({ ...notice, id });
	}

	/** An answer that was asked for in this tab is finished, and another page is open. */
	answer(notice: Notice): void {
		if (this.#isNew(notice.id) && this.#isLookedAt()) this.#toaster.show(notice);
	}

	/** Read in any tab: the toasts of what was read go away. */
	read(channel: ChannelId, readNo: number): void {
		this.#clear(channel, readNo);
	}

	say(text: string): void {
		this.#spoken = text;
	}

	#clear(channel: ChannelId, readNo: number): void {
		const shown = this.#shown.get(channel) ?? [];
		for (const { id, no } of shown) if (no <= readNo) this.#toaster.dismiss(id);
		this.#shown.set(
			channel,
			shown.filter(({ no }) => no > readNo),
		);
	}

	#isNew(id: string): boolean {
		if (this.#told.has(id)) return false;
		this.#told.add(id);
		if (this.#told.size > REMEMBERED)
			for (const oldest of this.#told) {
				this.#told.delete(oldest);
				break;
			}
		return true;
	}
}

/** Plain text of a message for a toast: marks of markdown removed, one line. */
export function plainText(markdown: string, max = 160): string {
	const text = markdown
		.replace(/```[^\n]*\n?/g, ' ')
		.replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
		.replace(/(\*\*|__|~~|`)/g, '')
		.replace(/^[#>\-*]+\s+/gm, '')
		.replace(/\s+/g, ' ')
		.trim();
	return text.length > max ? `${[...text].slice(0, max - 1).join('')}…` : text;
}

export const [getNotices, setNotices] = createContext<Notices>();
