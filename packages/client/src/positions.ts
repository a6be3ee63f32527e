/**
 * Which numbered events are new: per room the highest number that is already on screen.
 *
 * Pure. A snapshot fetched after `ready` covers every event up to the head that `ready` named.
 */
import type { Joined, Numbered, Ready } from './events.ts';
import type { RoomName } from './types.ts';

export type Verdict = 'apply' | 'drop' | 'gap';

export class Positions {
	#seq = new Map<RoomName, number>();

	/** Starts anew from the heads of a fresh connection; rooms that are not named are forgotten. */
	ready(ready: Ready): void {
		this.#seq.clear();
		for (const [room, [seq]] of Object.entries(ready.rooms)) this.#seq.set(room, seq);
	}

	/** A room was entered on the open socket. */
	joined({ room, position: [seq] }: Joined): void {
		this.#seq.set(room, seq);
	}

	left(room: RoomName): void {
		this.#seq.delete(room);
	}

	/**
	 * What to do with an event: `drop` what is known, `apply` what follows, and after a `gap` apply and fetch the room
	 * again. Events without a number always apply.
	 */
	accept(event: Numbered): Verdict {
		const { room, seq } = event;
		if (room === undefined || seq === undefined) return 'apply';
		const held = this.#seq.get(room);
		if (held !== undefined && seq <= held) return 'drop';
		this.#seq.set(room, seq);
		return held !== undefined && seq > held + 1 ? 'gap' : 'apply';
	}
}
