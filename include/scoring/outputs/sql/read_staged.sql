SELECT {columns} FROM staged WHERE rowid >= ? AND rowid < ?
