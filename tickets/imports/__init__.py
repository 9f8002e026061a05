"""Real input: a file as people have it becomes customers or historic tickets, previewed first, all or nothing (M5).

Read in the order of the work: `files` (what is it, which encoding), `columns` (which column is what), `values` (one cell), `records` (one row),
`resources` (django-import-export over the same cells), `checking` (a file, outside any transaction), `matching` (what the desk knows already),
`writing` (prepare everything, then one short transaction), `services`, `tasks`, `views`.
"""
