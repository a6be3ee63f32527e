/**
 * A client in the simulated world, and the checker beside it: what its views and its plain stream may show and when.
 */
import type { NumberedEvent, Position, ServerEvent } from '../src/events.ts';
import type { Snapshot } from '../src/as-of.ts';
import { MAX_WAITING } from '../src/sync/view-machine.ts';
import type { View } from '../src/sync/view.ts';
import { Tidings } from '../src/tidings.ts';
import { SimClock, SimLink, SimServer, chance } from './world.ts';

type Body = Record<string, string[]>;

/** What a careless client would do, to see that the checker sees it. */
export type Plant = 'none' | 'as-of-ignored' | 'times-unchecked' | 'repeats-applied' | 'event-swallowed';

export class Watched {
	readonly name: string;
	readonly view: View<Body>;
	readonly covers: (room: string) => boolean;
	content = new Map<string, string[]>();

	constructor(story: Story, name: string, rooms: string[] | ((room: string) => boolean), slow: number) {
		this.name = name;
		this.covers = typeof rooms === 'function' ? rooms : (room) => rooms.includes(room);
		let isFilled = false;
		let applied = 0;
		this.view = story.tidings.view<Body>({
			rooms,
			load: async () => story.planted(await story.server.snapshot(this.covers, slow)),
			replace: (body) => {
				isFilled = true;
				this.content = new Map(Object.entries(body).map(([room, ids]) => [room, [...ids]]));
			},
			apply: (event) => {
				if (!isFilled) story.fault(`${name}: an event before the content`);
				applied += 1;
				if (story.plant === 'event-swallowed' && applied % 9 === 0) return;
				this.#apply(story, event);
				if (story.plant === 'repeats-applied' && applied % 9 === 0) this.#apply(story, event);
			},
			onState: ({ phase }) => {
				if (phase === 'gone') isFilled = false;
			},
		});
	}

	#apply(story: Story, event: NumberedEvent): void {
		const { room, seq } = event.payload;
		const held = this.content.get(room) ?? [];
		this.content.set(room, held);
		if (seq !== held.length + 1) story.fault(`${this.name}: ${room} holds ${held.length}, then came ${seq}`);
		if (event.name === 'channel:added') held.push(event.payload.channel_id);
	}
}

export class Story {
	readonly clock = new SimClock();
	readonly random: () => number;
	readonly server: SimServer;
	readonly tidings: Tidings;
	readonly views: Watched[] = [];
	readonly plant: Plant;
	readonly faults: string[] = [];
	#link: SimLink | null = null;
	/** The plain stream: the last number told per room. */
	#told = new Map<string, number>();
	#holes = new Set<string>();
	/** Rooms of which it was said that they must be fetched: their next number may be any. */
	#excused = new Set<string>();
	/** How often the client was told to fetch a room again. */
	refetches = 0;

	constructor(seed: number, plant: Plant = 'none') {
		this.random = chance(seed);
		this.plant = plant;
		this.server = new SimServer(this.clock, this.random);
		if (plant === 'times-unchecked') this.server.plant = plant;
		this.tidings = new Tidings({
			token: () => 'token',
			clock: this.clock,
			random: this.random,
			link: (host) => (this.#link = this.server.link(host)),
		});
		this.tidings.onEvent((event) => this.#checked(event));
		this.tidings.onCaughtUp(({ refetch, left }) => {
			this.refetches += refetch.length;
			for (const room of this.#holes) {
				if (!refetch.includes(room) && !left.includes(room)) this.fault(`a hole in ${room} was not reported`);
			}
			this.#holes.clear();
			for (const room of refetch) this.#excused.add(room);
		});
	}

	fault(text: string): void {
		this.faults.push(text);
	}

	planted(snapshot: Snapshot<Body>): Snapshot<Body> {
		if (this.plant !== 'as-of-ignored') return snapshot;
		const heads: Record<string, Position> = {};
		for (const room of Object.keys(snapshot.heads)) heads[room] = this.server.head(room);
		return { ...snapshot, heads };
	}

	watch(name: string, rooms: string[] | ((room: string) => boolean), slow = 1): Watched {
		const watched = new Watched(this, name, rooms, slow);
		this.views.push(watched);
		return watched;
	}

	#checked(event: ServerEvent): void {
		if (event.name === 'ready') {
			const claimed = this.#link?.claimed ?? {};
			const before = this.#told;
			const excused = new Set(this.#excused);
			this.#excused.clear();
			this.#told = new Map(
				Object.entries(event.payload.rooms).map(([room, head]) => {
					const claim = claimed[room];
					return [room, claim && claim[0] <= head[0] ? claim[0] : head[0]];
				}),
			);
			for (const [room, told] of before) {
				if (!excused.has(room) && this.#told.get(room) !== told) this.#holes.add(room);
			}
		} else if (event.name === 'joined') this.#told.set(event.payload.room, event.payload.position[0]);
		else if (event.name === 'left') {
			this.#told.delete(event.payload.room);
			this.#holes.delete(event.payload.room);
		} else if (event.name === 'resumed') {
			for (const [room, { recovered, position }] of Object.entries(event.payload.rooms)) {
				const told = this.#told.get(room);
				if (told !== undefined && !recovered && told < position[0]) this.#told.set(room, position[0]);
			}
		} else if (event.name === 'channel:added') {
			const { room, seq } = event.payload as { room: string; seq: number };
			const told = this.#told.get(room);
			if (told === undefined || seq < told || (seq === told && !this.#holes.has(room))) {
				this.fault(`the stream of ${room} went back from ${told} to ${seq}`);
			} else if (seq > told + 1 && !this.#excused.has(room)) this.#holes.add(room);
			this.#excused.delete(room);
			this.#told.set(room, seq);
		}
	}

	/** Waiting events are bounded at every moment. */
	bounded(): void {
		for (const { name, view } of this.views) {
			if (view.machine.waiting > MAX_WAITING) this.fault(`${name}: ${view.machine.waiting} events wait`);
		}
	}

	/** Nothing goes wrong for a while; then everything must be as a fresh load would show it. */
	async settle(): Promise<void> {
		if (!this.server.isUp) this.server.start();
		await this.#quiet();
		// An event that the server forgot to send is seen at the next one of its room.
		for (const room of this.server.rooms) this.server.emit(room);
		await this.#quiet();
		for (const watched of this.views) this.#compare(watched);
	}

	async #quiet(): Promise<void> {
		for (let round = 0; round < 400 && !this.#isQuiet(); round++) await this.clock.pass(500);
		if (!this.#isQuiet()) this.fault(`never quiet: ${this.tidings.state.phase}, ${this.#phases()}`);
	}

	#phases(): string {
		return this.views.map(({ name, view }) => `${name} ${view.state.phase}`).join(', ');
	}

	#isQuiet(): boolean {
		const settled = ['live', 'gone', 'unknown'];
		const isLive = this.tidings.state.phase === 'live' && this.server.connection?.isIdle === true;
		return isLive && this.views.every(({ view }) => settled.includes(view.state.phase));
	}

	#compare({ name, view, covers, content }: Watched): void {
		if (view.state.phase !== 'live') return;
		for (const room of this.server.rooms) {
			if (!covers(room)) continue;
			const wanted = this.server.log(room).map((entry) => entry.id);
			const held = content.get(room) ?? [];
			if (held.join() === wanted.join()) continue;
			const first = wanted.findIndex((id, index) => held[index] !== id);
			const what = `${held.length} of ${wanted.length}, another from number ${first + 1} on`;
			this.fault(`${name}: ${room} shows ${what}: not what a fresh load shows`);
		}
	}
}
