UPDATE user_account SET name = $2, name_key = $3, profile_image_url = $4, updated_at_ms = $5 WHERE id = $1
