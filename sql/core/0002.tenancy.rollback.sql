DROP TABLE IF EXISTS plexsphere.resources;
DROP TABLE IF EXISTS plexsphere.project_mesh_ip_reservations;
DROP TABLE IF EXISTS plexsphere.projects;
DROP TABLE IF EXISTS plexsphere.domains;
