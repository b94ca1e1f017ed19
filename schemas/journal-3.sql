-- From version 2 to 3: whether the hosts of a run were real.
ALTER TABLE runs ADD COLUMN world TEXT NOT NULL DEFAULT 'real'; -- real; embedded ADDRESS and served ADDRESS are simulated
