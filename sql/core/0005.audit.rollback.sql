DROP TABLE IF EXISTS plexsphere.audit_erasures;
DROP TABLE IF EXISTS plexsphere.audit_subject_pii;
DROP TABLE IF EXISTS plexsphere.audit_entries;
DROP TABLE IF EXISTS plexsphere.audit_intake;
DROP TABLE IF EXISTS plexsphere.audit_chains;
DROP FUNCTION IF EXISTS plexsphere.audit_entries_append_only();
