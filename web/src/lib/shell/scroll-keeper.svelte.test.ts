import { describe, expect, it } from 'vitest';
import { ScrollKeeper } from './scroll-keeper.svelte';

/** Height of a line, and of the pane while there is no bar, in px. */
const LINE = 20;
const PANE = 200;
const BAR = 28;

/** A pane with lines in it, laid out as a browser does: what is beyond the end is cut off whenever anybody looks. */
class Pane {
	readonly keeper = new ScrollKeeper();
	lines: string[] = [];
	edge = 50;
	extra = 0;
	/** How far it is pulled beyond an end; a place that is written ends that. */
	pulled = 0;
	#view = document.createElement('div');
	#content = document.createElement('div');
	#scrolled = 0;

	constructor(count: number) {
		this.#view.append(this.#content);
		const rect = (top: number, height: number) => ({ top, bottom: top + height }) as DOMRect;
		Object.defineProperties(this.#view, {
			clientHeight: { get: () => this.#height },
			scrollHeight: { get: () => Math.max(this.#height, this.#total) },
			scrollTop: {
				get: () => this.#clamped + this.pulled,
				set: (wanted: number) => {
					this.pulled = 0;
					this.#scrolled = wanted;
					this.#scrolled = this.#clamped;
				},
			},
		});
		Object.defineProperty(this.#content, 'offsetHeight', { get: () => this.lines.length * LINE + this.extra });
		this.#view.getBoundingClientRect = () => rect(this.edge, this.#height);
		this.#content.querySelectorAll = () => [] as never;
		this.#view.querySelectorAll = (() => this.lines.map((key) => this.#line(key))) as never;
		this.#view.querySelector = ((selector: string) => {
			const key = /"(.*)"/.exec(selector)?.[1] ?? '';
			return this.lines.includes(key) ? this.#line(key) : null;
		}) as never;
		this.lines = Array.from({ length: count }, (_, at) => `line ${at + 1}`);
		this.keeper.viewport(this.#view);
		this.keeper.content(this.#content);
		this.keeper.toBottom();
	}

	/** Where a line is painted, in px from the top of the screen. */
	at(key: string): number {
		return this.edge + this.#room + this.extra + this.lines.indexOf(key) * LINE - this.#clamped - this.pulled;
	}

	/** The reader scrolls. */
	scroll(by: number): void {
		this.#view.scrollTop += by;
		this.#view.dispatchEvent(new Event('scroll'));
	}

	/** The reader pulls it beyond an end, or it springs back. */
	pull(by: number): void {
		this.pulled = by;
		this.#view.dispatchEvent(new Event('scroll'));
	}

	bar(isThere: boolean): void {
		this.edge = 50 + (isThere ? BAR : 0);
	}

	/** What a list does when its lines change. */
	change(act: () => void, isOurs = false): void {
		this.keeper.settle();
		act();
		this.keeper.settle(isOurs);
	}

	/** The browser lays out and paints, and tells who observes sizes. */
	frame(): void {
		this.keeper.settle(true);
	}

	get #room(): number {
		return Number.parseFloat(this.#content.style.marginTop || '0');
	}
	get #total(): number {
		return this.#room + this.lines.length * LINE + this.extra;
	}
	get #height(): number {
		return PANE - (this.edge - 50);
	}
	get #clamped(): number {
		this.#scrolled = Math.max(0, Math.min(this.#scrolled, this.#total - this.#height));
		return this.#scrolled;
	}

	#line(key: string): HTMLElement {
		const line = document.createElement('p');
		line.dataset.line = key;
		line.getBoundingClientRect = () => ({ top: this.at(key), bottom: this.at(key) + LINE }) as DOMRect;
		return line;
	}
}

describe('ScrollKeeper', () => {
	it('leaves the text where it is when a bar comes and goes: at the end, in the middle, at the beginning', () => {
		for (const by of [0, -30, -200, -2_000]) {
			const pane = new Pane(40);
			if (by !== 0) pane.scroll(by);
			const line = by === -2_000 ? 'line 1' : 'line 30';
			const place = pane.at(line);
			for (const isThere of [true, false, true, false]) {
				pane.bar(isThere);
				pane.frame();
				expect([by, isThere, pane.at(line)]).toEqual([by, isThere, place]);
			}
		}
	});

	it('leaves it there when the bar goes and what was missed comes before the next frame, in any order', () => {
		const arrive = (pane: Pane) => pane.change(() => pane.lines.push(...Array.from('abcdefghij')));
		const leave = (pane: Pane) => pane.bar(false);
		for (const acts of [
			[arrive, leave],
			[leave, arrive],
			[(pane: Pane) => pane.change(() => (leave(pane), pane.lines.push('a', 'b', 'c', 'd')))],
		]) {
			const pane = new Pane(40);
			const place = pane.at('line 38');
			pane.keeper.hold(true);
			pane.bar(true);
			pane.frame();
			for (const act of acts) act(pane);
			pane.keeper.hold(false);
			pane.frame();
			pane.frame();
			expect([pane.at('line 38'), pane.keeper.isAtBottom]).toEqual([place, false]);
		}
	});

	it('lets the list spring back from where it was pulled beyond an end', () => {
		for (const [to, sign] of [
			[0, 1],
			[-2_000, -1],
		] as const) {
			const pane = new Pane(40);
			pane.scroll(to);
			const line = sign > 0 ? 'line 38' : 'line 2';
			const place = pane.at(line);
			for (const by of [10, 30, 60, 45, 20, 5, 0]) {
				pane.pull(sign * by);
				pane.frame();
				expect([pane.pulled, pane.at(line)]).toEqual([sign * by, place - sign * by]);
				expect(pane.keeper.isAtBottom).toBe(sign > 0);
			}
			pane.bar(true);
			pane.frame();
			expect(pane.at(line)).toBe(place);
		}
	});

	it('leaves it there when older lines come, and when their skeleton does', () => {
		const pane = new Pane(40);
		pane.scroll(-400);
		const place = pane.at('line 25');
		pane.extra = 90;
		pane.frame();
		expect(pane.at('line 25')).toBe(place);
		pane.change(() => {
			pane.extra = 0;
			pane.lines.unshift('older 1', 'older 2', 'older 3');
		});
		expect(pane.at('line 25')).toBe(place);
	});

	it('goes on from where the reader went, also if something moved in the same moment', () => {
		const pane = new Pane(40);
		pane.scroll(-200);
		const place = pane.at('line 28');
		pane.bar(true);
		pane.scroll(-15);
		expect(pane.at('line 28')).toBe(place + 15);
	});

	it('stays at the end when something comes there, unless held; what is ours is shown in any case', () => {
		const pane = new Pane(40);
		pane.change(() => pane.lines.push('new'));
		expect(pane.at('new')).toBe(50 + PANE - LINE);
		pane.keeper.hold(true);
		pane.change(() => pane.lines.push('held back'));
		expect([pane.at('new'), pane.keeper.isAtBottom]).toEqual([50 + PANE - LINE, false]);
		pane.scroll(LINE);
		pane.change(() => pane.lines.push('ours'), true);
		expect(pane.at('ours')).toBe(50 + PANE - LINE);
	});

	it('holds on to the next line when the first in view is gone, and says so when all are', () => {
		const pane = new Pane(40);
		pane.scroll(-300);
		const [first] = [pane.keeper.spot()?.key ?? ''];
		const next = pane.lines[pane.lines.indexOf(first) + 1] ?? '';
		const place = pane.at(next);
		pane.change(() => pane.lines.splice(pane.lines.indexOf(first), 1));
		expect(pane.at(next)).toBe(place);
		pane.keeper.settle();
		pane.lines = Array.from({ length: 40 }, (_, at) => `other ${at}`);
		expect(pane.keeper.settle()).toBe(false);
	});
});
