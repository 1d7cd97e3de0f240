"""Planting what nobody declared: raw SQL, as somebody would who goes round the models."""


def plant_column(connection, table, column):
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" ADD COLUMN "{column}" text')


def plant_table(connection, table):
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE TABLE "{table}" (id bigint, note text)')
