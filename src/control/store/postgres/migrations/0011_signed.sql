-- Which key of the vault signs what goes to a webhook; none for those that were made before anything was signed.
ALTER TABLE webhook ADD COLUMN key_id text;
