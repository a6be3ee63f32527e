/**
 * Who is writing in which channel. A person counts as writing for five seconds after the last signal, and stops at once
 * when their message arrives. Our own signal goes out at most every two seconds.
 */
import type { ChannelId, PersonRef, UserId } from '@tidings/client';
import { SvelteMap } from 'svelte/reactivity';

export const TYPING_EXPIRES_MS = 5_000;
export const TYPING_EVERY_MS = 2_000;

interface Writer {
	person: PersonRef;
	until: number;
}

export class Typing {
	readonly #meId: UserId;
	readonly #now: () => number;
	#writers = new SvelteMap<ChannelId, Writer[]>();
	#sentAt = new Map<ChannelId, number>();
	#timer: ReturnType<typeof setTimeout> | undefined;

	constructor(meId: UserId, now: () => number = Date.now) {
		this.#meId = meId;
		this.#now = now;
	}

	in(channel: ChannelId): PersonRef[] {
		return (this.#writers.get(channel) ?? []).map((writer) => writer.person);
	}

	heard(channel: ChannelId, person: PersonRef): void {
		if (person.id === this.#meId) return;
		const others = (this.#writers.get(channel) ?? []).filter((writer) => writer.person.id !== person.id);
		this.#writers.set(channel, [...others, { person, until: this.#now() + TYPING_EXPIRES_MS }]);
		this.#schedule();
	}

	/** The message is here, so its author has finished. */
	posted(channel: ChannelId, author: UserId): void {
		const writers = this.#writers.get(channel);
		if (writers?.some((writer) => writer.person.id === author)) {
			this.#writers.set(
				channel,
				writers.filter((writer) => writer.person.id !== author),
			);
		}
	}

	/** Drops everyone whose time is over. */
	expire(): void {
		const now = this.#now();
		for (const [channel, writers] of [...this.#writers]) {
			const left = writers.filter((writer) => writer.until > now);
			if (left.length === 0) this.#writers.delete(channel);
			else if (left.length < writers.length) this.#writers.set(channel, left);
		}
		this.#schedule();
	}

	/** Whether our own keystroke is to be told now. */
	shouldSend(channel: ChannelId): boolean {
		const now = this.#now();
		const last = this.#sentAt.get(channel);
		if (last !== undefined && now - last < TYPING_EVERY_MS) return false;
		this.#sentAt.set(channel, now);
		return true;
	}

	/** After a post the next keystroke is news again. */
	sent(channel: ChannelId): void {
		this.#sentAt.delete(channel);
	}

	clear(): void {
		clearTimeout(this.#timer);
		this.#writers.clear();
	}

	#schedule(): void {
		clearTimeout(this.#timer);
		let next = Number.POSITIVE_INFINITY;
		for (const writers of this.#writers.values()) for (const { until } of writers) next = Math.min(next, until);
		if (next < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.expire(), next - this.#now());
	}
}

/** "Ada is typing", "Ada and Ben are typing", "Several people are typing". */
export function typingLine(names: readonly string[]): string {
	if (names.length === 0) return '';
	if (names.length === 1) return `${names[0]} is typing`;
	if (names.length === 2) return `${names[0]} and ${names[1]} are typing`;
	return 'Several people are typing';
}
