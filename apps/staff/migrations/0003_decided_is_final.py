"""The database refuses to change a decided approval, to make one that is decided from the start, and to bring back
who left.

Beside the services, which refuse the same with words: a mistake in them, or a hand on the database, changes nothing.
"""

from django.db import migrations

APPROVALS = """
CREATE FUNCTION staff_approval_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an approval is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.verdict <> 'open' THEN
            RAISE EXCEPTION 'an approval begins open' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.verdict <> 'open' THEN
        RAISE EXCEPTION 'a decided approval never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.reference, NEW.act, NEW.subject, NEW.digest, NEW.asked_by_id, NEW.asked_at)
       IS DISTINCT FROM (OLD.id, OLD.reference, OLD.act, OLD.subject, OLD.digest, OLD.asked_by_id, OLD.asked_at) THEN
        RAISE EXCEPTION 'what an approval was asked for never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER staff_approval_is_final BEFORE INSERT OR UPDATE OR DELETE ON staff_approval
    FOR EACH ROW EXECUTE FUNCTION staff_approval_is_final();
"""

MEMBERS = """
CREATE FUNCTION staff_member_is_never_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a member of staff is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.left_at IS NOT NULL AND (NEW.left_at IS DISTINCT FROM OLD.left_at OR NEW.roles <> OLD.roles) THEN
        RAISE EXCEPTION 'who left does not come back' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER staff_member_is_never_deleted BEFORE UPDATE OR DELETE ON staff_staffmember
    FOR EACH ROW EXECUTE FUNCTION staff_member_is_never_deleted();
"""


class Migration(migrations.Migration):
    dependencies = [("staff", "0002_stricter_names_and_decisions")]

    operations = [
        migrations.RunSQL(
            APPROVALS,
            "DROP TRIGGER staff_approval_is_final ON staff_approval; DROP FUNCTION staff_approval_is_final();",
        ),
        migrations.RunSQL(
            MEMBERS,
            "DROP TRIGGER staff_member_is_never_deleted ON staff_staffmember; "
            "DROP FUNCTION staff_member_is_never_deleted();",
        ),
    ]
