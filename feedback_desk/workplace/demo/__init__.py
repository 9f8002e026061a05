"""The demonstration: a company's last two months, made by the desk's own services under `clock.at`, so that every history is true.

`company` the people, `matters` what customers come with, `ways` what becomes of it, `world` the agenda that plays it in order of time.
"""
