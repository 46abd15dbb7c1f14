-- How a budget is lent, where not as the panel's configuration says.
ALTER TABLE budget ADD COLUMN lending text NOT NULL DEFAULT '{}';
