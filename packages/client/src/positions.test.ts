import { describe, expect, it } from 'vitest';
import { Positions } from './positions.ts';

describe('Positions', () => {
	it('drops what a snapshot covers, applies what follows and names a gap', () => {
		const positions = new Positions();
		positions.ready({ user_id: 'ada', rooms: { 'channel:c': [41, 1] } });
		const at = (seq: number, room = 'channel:c') => positions.accept({ room, seq });
		expect(at(41)).toBe('drop');
		expect(at(42)).toBe('apply');
		expect(at(42)).toBe('drop');
		expect(at(44)).toBe('gap');
		expect(at(45)).toBe('apply');
		expect(at(1, 'channel:new')).toBe('apply');
	});

	it('counts on from where a room was entered, and forgets a room that was left', () => {
		const positions = new Positions();
		positions.joined({ room: 'channel:c', position: [5, 1] });
		expect(positions.accept({ room: 'channel:c', seq: 5 })).toBe('drop');
		expect(positions.accept({ room: 'channel:c', seq: 6 })).toBe('apply');
		positions.left('channel:c');
		expect(positions.accept({ room: 'channel:c', seq: 2 })).toBe('apply');
	});

	it('always applies what has no number', () => {
		const positions = new Positions();
		expect(positions.accept({})).toBe('apply');
		expect(positions.accept({})).toBe('apply');
	});

	it('forgets the numbers of the former connection', () => {
		const positions = new Positions();
		positions.ready({ user_id: 'ada', rooms: { 'channel:c': [41, 1] } });
		positions.ready({ user_id: 'ada', rooms: { 'channel:c': [7, 2] } });
		expect(positions.accept({ room: 'channel:c', seq: 8 })).toBe('apply');
	});
});
