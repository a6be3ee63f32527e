INSERT INTO user_picture (user_id, media_type, bytes) VALUES ($1, $2, $3)
ON CONFLICT (user_id) DO UPDATE SET media_type = $2, bytes = $3
