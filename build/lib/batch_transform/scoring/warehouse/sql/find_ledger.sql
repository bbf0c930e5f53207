SELECT to_regclass({ledger_name}) IS NOT NULL
