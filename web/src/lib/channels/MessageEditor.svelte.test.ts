import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import MessageEditor from './MessageEditor.svelte';

function make(onsave = vi.fn(async () => undefined)) {
	const oncancel = vi.fn();
	render(MessageEditor, { text: 'before', onsave, oncancel });
	return { onsave, oncancel, field: screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Edit message' }) };
}

describe('MessageEditor', () => {
	it('saves with Enter what was changed', async () => {
		const user = userEvent.setup();
		const { onsave, field } = make();
		await user.type(field, ' and after{Enter}');
		expect(onsave).toHaveBeenCalledExactlyOnceWith('before and after');
	});

	it('leaves it as it was with Esc, and when nothing was changed', async () => {
		const user = userEvent.setup();
		const { onsave, oncancel, field } = make();
		await user.type(field, 'x{Escape}');
		await user.clear(field);
		await user.type(field, 'before{Enter}');
		expect([onsave.mock.calls.length, oncancel.mock.calls.length]).toEqual([0, 2]);
	});

	it('says why it could not be saved and keeps the text', async () => {
		const user = userEvent.setup();
		const { field } = make(vi.fn(async () => Promise.reject(new Error('The message is gone.'))));
		await user.type(field, '!{Enter}');
		expect(await screen.findByText('The message is gone.')).toBeTruthy();
		expect(field.value).toBe('before!');
	});
});
