"""The database itself refuses to change what was decided about a provider, and to remove any of it.

| table | allowed | refused |
|---|---|---|
| providers_provider | insert proposed; the moves of its life | another move, anything after its end but the confirmation about its data |
| providers_agreement | insert proposed; ticking while proposed; confirmation, renewal, end | another document, line, kind or first day; a later last day |
| providers_grant | insert proposed; decision, withdrawal | another scope; a second beginning |
| providers_subprocessor | insert proposed; announcement, leaving, withdrawal before it takes effect | another name, countries or day |
| providers_chainnotice | insert; one objection | any other change |
| providers_securityreview, providers_document, providers_lapse | insert | any change |
| all of them | | delete, truncate |
"""

from django.db import migrations

TABLES = ("provider", "agreement", "grant", "subprocessor", "chainnotice", "securityreview", "document", "lapse")

FORWARD = """
CREATE FUNCTION providers_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION providers_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'rows of % never change', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION providers_provider_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'proposed' OR NEW.activated_by <> '' THEN
            RAISE EXCEPTION 'a provider begins proposed' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.reference, NEW.proposed_by, NEW.proposed_at) IS DISTINCT FROM (OLD.id, OLD.reference, OLD.proposed_by, OLD.proposed_at)
       OR (OLD.in_use_since IS NOT NULL AND NEW.in_use_since IS DISTINCT FROM OLD.in_use_since) THEN
        RAISE EXCEPTION 'where provider % came from stays', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('proposed', 'review'), ('proposed', 'ended'), ('review', 'active'), ('review', 'ended'), ('active', 'suspended'),
        ('active', 'ended'), ('suspended', 'active'), ('suspended', 'ended')) THEN
        RAISE EXCEPTION 'provider % does not go from % to %', OLD.reference, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state = 'active' AND NEW.state = 'active'
       AND (NEW.legal_name, NEW.role, NEW.countries, NEW.hipaa_relevant) IS DISTINCT FROM
           (OLD.legal_name, OLD.role, OLD.countries, OLD.hipaa_relevant) THEN
        RAISE EXCEPTION 'what was approved of provider % stays while it is active', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state = 'ended' AND (
        (NEW.ended_by, NEW.ended_at, NEW.data_end, NEW.data_due_on) IS DISTINCT FROM (OLD.ended_by, OLD.ended_at, OLD.data_end, OLD.data_due_on)
        OR (OLD.data_confirmed_at IS NOT NULL AND (NEW.data_confirmed_by, NEW.data_confirmed_at, NEW.data_evidence) IS DISTINCT FROM
            (OLD.data_confirmed_by, OLD.data_confirmed_at, OLD.data_evidence))) THEN
        RAISE EXCEPTION 'provider % is ended: that is final', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION providers_agreement_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'proposed' THEN
            RAISE EXCEPTION 'an agreement begins proposed' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.reference, NEW.provider_id, NEW.kind, NEW.line, NEW.supersedes_id, NEW.starts_on, NEW.document_id, NEW.proposed_by, NEW.proposed_at)
       IS DISTINCT FROM
       (OLD.id, OLD.reference, OLD.provider_id, OLD.kind, OLD.line, OLD.supersedes_id, OLD.starts_on, OLD.document_id, OLD.proposed_by, OLD.proposed_at) THEN
        RAISE EXCEPTION 'agreement % stays as it was handed in', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('proposed', 'confirmed'), ('proposed', 'rejected'), ('confirmed', 'superseded'), ('confirmed', 'ended'), ('superseded', 'ended')) THEN
        RAISE EXCEPTION 'agreement % does not go from % to %', OLD.reference, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state <> 'proposed' AND (
        (NEW.title, NEW.clauses, NEW.confirmation_asked_by, NEW.confirmed_by, NEW.confirmed_at)
         IS DISTINCT FROM (OLD.title, OLD.clauses, OLD.confirmation_asked_by, OLD.confirmed_by, OLD.confirmed_at)
        OR coalesce(NEW.ends_on, 'infinity') > coalesce(OLD.ends_on, 'infinity')) THEN
        RAISE EXCEPTION 'agreement % was decided: it only gets shorter', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION providers_grant_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    provider_of_agreement bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT provider_id INTO provider_of_agreement FROM providers_agreement WHERE id = NEW.agreement_id;
        IF NEW.state <> 'proposed' OR provider_of_agreement IS DISTINCT FROM NEW.provider_id THEN
            RAISE EXCEPTION 'a grant begins proposed, on an agreement of its provider' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.reference, NEW.provider_id, NEW.agreement_id, NEW.categories, NEW.purposes, NEW.fields, NEW.patient_information, NEW.necessity,
        NEW.ends_on, NEW.proposed_by, NEW.proposed_at)
       IS DISTINCT FROM
       (OLD.id, OLD.reference, OLD.provider_id, OLD.agreement_id, OLD.categories, OLD.purposes, OLD.fields, OLD.patient_information, OLD.necessity,
        OLD.ends_on, OLD.proposed_by, OLD.proposed_at) THEN
        RAISE EXCEPTION 'what grant % allows never changes', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (('proposed', 'active'), ('proposed', 'rejected'), ('active', 'withdrawn')) THEN
        RAISE EXCEPTION 'grant % does not go from % to %', OLD.reference, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state <> 'proposed' AND (NEW.decided_by, NEW.decided_at) IS DISTINCT FROM (OLD.decided_by, OLD.decided_at) THEN
        RAISE EXCEPTION 'grant % was decided: that stays', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION providers_subprocessor_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'proposed' THEN
            RAISE EXCEPTION 'a member of a chain begins proposed' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.reference, NEW.provider_id, NEW.legal_name, NEW.service, NEW.countries, NEW.proposed_by, NEW.proposed_at)
       IS DISTINCT FROM
       (OLD.id, OLD.reference, OLD.provider_id, OLD.legal_name, OLD.service, OLD.countries, OLD.proposed_by, OLD.proposed_at)
       OR (OLD.state <> 'proposed' AND (NEW.announced_by, NEW.announced_at, NEW.since_at) IS DISTINCT FROM
           (OLD.announced_by, OLD.announced_at, OLD.since_at))
       OR (OLD.state = 'leaving' AND NEW.until_at IS DISTINCT FROM OLD.until_at) THEN
        RAISE EXCEPTION 'member % of a chain stays as it was announced', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('proposed', 'announced'), ('proposed', 'rejected'), ('announced', 'leaving'), ('announced', 'withdrawn')) THEN
        RAISE EXCEPTION 'member % of a chain does not go from % to %', OLD.reference, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION providers_chainnotice_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.sub_processor_id, NEW.organization_id, NEW.change, NEW.told_at, NEW.effective_at) IS DISTINCT FROM
       (OLD.id, OLD.sub_processor_id, OLD.organization_id, OLD.change, OLD.told_at, OLD.effective_at) OR OLD.objected_at IS NOT NULL THEN
        RAISE EXCEPTION 'a notice takes one objection and never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER a_provider_keeps_to_its_life BEFORE INSERT OR UPDATE ON providers_provider
    FOR EACH ROW EXECUTE FUNCTION providers_provider_guard();
CREATE TRIGGER an_agreement_stays_as_it_was_decided BEFORE INSERT OR UPDATE ON providers_agreement
    FOR EACH ROW EXECUTE FUNCTION providers_agreement_guard();
CREATE TRIGGER a_grant_stays_as_it_was_proposed BEFORE INSERT OR UPDATE ON providers_grant
    FOR EACH ROW EXECUTE FUNCTION providers_grant_guard();
CREATE TRIGGER a_chain_stays_as_it_was_announced BEFORE INSERT OR UPDATE ON providers_subprocessor
    FOR EACH ROW EXECUTE FUNCTION providers_subprocessor_guard();
CREATE TRIGGER a_notice_stays_as_it_was_sent BEFORE UPDATE ON providers_chainnotice
    FOR EACH ROW EXECUTE FUNCTION providers_chainnotice_guard();
CREATE TRIGGER a_review_never_changes BEFORE UPDATE ON providers_securityreview FOR EACH ROW EXECUTE FUNCTION providers_never_change();
CREATE TRIGGER a_document_never_changes BEFORE UPDATE ON providers_document FOR EACH ROW EXECUTE FUNCTION providers_never_change();
CREATE TRIGGER a_lapse_never_changes BEFORE UPDATE ON providers_lapse FOR EACH ROW EXECUTE FUNCTION providers_never_change();
""" + "".join(
    f"CREATE TRIGGER rows_stay BEFORE DELETE ON providers_{table} FOR EACH ROW EXECUTE FUNCTION providers_stay();\n"
    f"CREATE TRIGGER the_table_is_not_emptied BEFORE TRUNCATE ON providers_{table} FOR EACH STATEMENT EXECUTE FUNCTION providers_stay();\n"
    for table in TABLES
)

BACKWARD = "".join(
    f"DROP TRIGGER the_table_is_not_emptied ON providers_{table};\nDROP TRIGGER rows_stay ON providers_{table};\n" for table in TABLES
) + """
DROP TRIGGER a_lapse_never_changes ON providers_lapse;
DROP TRIGGER a_document_never_changes ON providers_document;
DROP TRIGGER a_review_never_changes ON providers_securityreview;
DROP TRIGGER a_notice_stays_as_it_was_sent ON providers_chainnotice;
DROP TRIGGER a_chain_stays_as_it_was_announced ON providers_subprocessor;
DROP TRIGGER a_grant_stays_as_it_was_proposed ON providers_grant;
DROP TRIGGER an_agreement_stays_as_it_was_decided ON providers_agreement;
DROP TRIGGER a_provider_keeps_to_its_life ON providers_provider;
DROP FUNCTION providers_chainnotice_guard();
DROP FUNCTION providers_subprocessor_guard();
DROP FUNCTION providers_grant_guard();
DROP FUNCTION providers_agreement_guard();
DROP FUNCTION providers_provider_guard();
DROP FUNCTION providers_never_change();
DROP FUNCTION providers_stay();
"""


class Migration(migrations.Migration):
    dependencies = [("providers", "0001_the_registry")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
