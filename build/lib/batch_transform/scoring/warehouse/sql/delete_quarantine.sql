DELETE FROM {quarantine} WHERE target = {target} AND partition = {partition}
