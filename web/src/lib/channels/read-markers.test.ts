import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { READ_EVERY_MS, ReadMarkers } from './read-markers';

class FakeWire {
	read = 0;
	live = true;
	takes = true;
	sent: number[] = [];
	kept: number[] = [];

	readNo = () => this.read;
	isLive = () => this.live;
	keep = (_channel: string, no: number) => void this.kept.push(no);
	send = (_channel: string, no: number) => {
		if (this.takes) this.sent.push(no);
		return this.takes;
	};
}

describe('ReadMarkers', () => {
	let wire: FakeWire;
	let markers: ReadMarkers;

	beforeEach(() => {
		vi.useFakeTimers();
		wire = new FakeWire();
		markers = new ReadMarkers(wire);
	});
	afterEach(() => void vi.useRealTimers());

	function burst(...numbers: number[]) {
		for (const no of numbers) {
			markers.saw('c', no);
			vi.advanceTimersByTime(100);
		}
	}

	it('tells a burst twice: its first at once, its last when the second is over', () => {
		burst(1, 2, 3);
		expect(wire.sent).toEqual([1]);
		vi.advanceTimersByTime(READ_EVERY_MS - 300);
		expect(wire.sent).toEqual([1, 3]);
		vi.advanceTimersByTime(20 * READ_EVERY_MS);
		expect(wire.sent).toEqual([1, 3]);
	});

	it('never lags more than a second behind, however long the burst', () => {
		burst(...Array.from({ length: 25 }, (_, at) => at + 1));
		vi.advanceTimersByTime(READ_EVERY_MS);
		expect(wire.sent).toEqual([1, 10, 20, 25]);
	});

	it('tells what waits when the channel is left, once', () => {
		burst(1, 2, 3);
		markers.flush('c');
		expect(wire.sent).toEqual([1, 3]);
		vi.advanceTimersByTime(20 * READ_EVERY_MS);
		markers.flush('c');
		expect(wire.sent).toEqual([1, 3]);
	});

	it('keeps what waits if the connection went meanwhile, known or not', () => {
		burst(1, 2);
		wire.live = false;
		markers.flush('c');
		wire.live = true;
		burst(3);
		wire.takes = false;
		vi.advanceTimersByTime(READ_EVERY_MS);
		expect([wire.sent, wire.kept]).toEqual([[1], [2, 3]]);
	});

	it('tells nothing of what was marked unread, or read elsewhere', () => {
		burst(1, 2);
		markers.forget('c');
		markers.flush('c');
		burst(3, 4);
		wire.read = 5;
		vi.advanceTimersByTime(READ_EVERY_MS);
		expect([wire.sent, wire.kept]).toEqual([[1, 3], []]);
	});

	it('ends with what waits told, and nothing kept for who is gone', () => {
		burst(1, 2);
		markers.stop();
		burst(3);
		wire.live = false;
		markers.stop();
		vi.advanceTimersByTime(READ_EVERY_MS);
		expect([wire.sent, wire.kept]).toEqual([[1, 2], []]);
	});
});
