UPDATE user_account
SET email = 'deleted:' || id, password_hash = '', profile_image_url = '/user.png', deleted_at_ms = $2, updated_at_ms = $2
WHERE id = $1
