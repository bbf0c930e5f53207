SELECT {columns} WHERE false
