"""A parked arrival that kills its worker, or can't be opened any more, is put aside for staff like any other; the database allows that move too."""

from django.db import migrations

GUARD = """
CREATE OR REPLACE FUNCTION data_requests_arrival_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('waiting', 'parked'), ('waiting', 'taken'), ('waiting', 'dropped'), ('waiting', 'unreadable'),
        ('parked', 'taken'), ('parked', 'dropped'), {more}('unreadable', 'taken'), ('unreadable', 'dropped')) THEN
        RAISE EXCEPTION 'arrival % does not go from % to %', OLD.reference, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("data_requests", "0013_the_queue_has_an_index")]

    operations = [
        migrations.RunSQL(
            GUARD.format(more="('parked', 'unreadable'), "), reverse_sql=GUARD.format(more="")
        ),
    ]
