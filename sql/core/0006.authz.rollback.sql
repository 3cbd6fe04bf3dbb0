DROP TABLE IF EXISTS plexsphere.graph_watermark;
DROP TABLE IF EXISTS plexsphere.relation_tuples;
