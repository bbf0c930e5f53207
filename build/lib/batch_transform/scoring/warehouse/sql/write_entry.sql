INSERT INTO {ledger} (target, {columns}) VALUES ({target}, {values})
