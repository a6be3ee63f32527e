import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import Composer from './Composer.svelte';

vi.stubGlobal('matchMedia', (query: string) => ({ matches: query === '(pointer: fine)' }));

function make(change: object = {}) {
	const onsend = vi.fn();
	const onup = vi.fn();
	const ontype = vi.fn();
	render(Composer, { label: 'Message #launch', value: '', onsend, onup, ontype, ...change });
	return {
		onsend,
		onup,
		ontype,
		field: screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Message #launch' }),
	};
}

describe('Composer', () => {
	it('sends with Enter and keeps a line with Shift+Enter', async () => {
		const user = userEvent.setup();
		const { onsend, field } = make();
		await user.type(field, 'one{Shift>}{Enter}{/Shift}two{Enter}');
		expect(onsend).toHaveBeenCalledExactlyOnceWith('one\ntwo');
		expect(field.value).toBe('');
	});

	it('sends nothing empty, and nothing while it is disabled', async () => {
		const user = userEvent.setup();
		const { onsend, field } = make({ disabledReason: 'Not connected' });
		await user.type(field, '   {Enter}hello{Enter}');
		expect(onsend).not.toHaveBeenCalled();
		expect(field.value).toContain('hello');
	});

	it('tells keystrokes, and ↑ only while it is empty', async () => {
		const user = userEvent.setup();
		const { onup, ontype, field } = make();
		await user.type(field, '{ArrowUp}ab{ArrowUp}');
		expect(onup).toHaveBeenCalledOnce();
		expect(ontype).toHaveBeenCalledTimes(2);
	});
});
