ALTER TABLE {part} RENAME TO {final}
