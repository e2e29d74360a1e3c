"""What a Dolibarr shows of each record beside what credits need: names and empty values, as recorded on 22.0.4.

A caller that asks for whole records gets them as long as the real ones.
"""

_EMPTY_EVERYWHERE = (
    "import_key array_languages contacts_ids_internal origin_type shipping_method multicurrency_total_localtax1"
    " multicurrency_total_localtax2 actiontypecode date_cloture user_author user_creation user_valid"
    " user_validation user_closing_id user_modification fk_user_creat fk_user_modif product"
    " cond_reglement_supplier_id deposit_percent warehouse_id"
)

_ALIKE: dict[str, tuple] = {
    "invoice": (
        (
            None,
            (
                "fk_project contact_id user origin_id country_id country_code state_id region_id demand_reason_id"
                " transport_mode_id shipping_method_id fk_account note_public note_private name lastname firstname"
                " civility_id civility_code user_modification_id title subtype fk_soc cond_reglement_label"
                " sumpayed_multicurrency sumdeposit sumdeposit_multicurrency sumcreditnote sumcreditnote_multicurrency"
                " nbofopendirectdebitorcredittransfer stripechargedone stripechargeerror description"
                " situation_cycle_ref postactionmessages label_incoterms delivery_date ref_customer resteapayer"
                " pos_source fk_fac_rec_source line fac_rec situation_counter availability_id source remise_percent"
            ),
        ),
        ("2", "mode_reglement_id"),
        ("1", "cond_reglement_id user_creation_id fk_user_author"),
        ("0", "fk_multicurrency retained_warranty_fk_cond_reglement fk_incoterms situation_final retained_warranty"),
        ("EUR", "multicurrency_code"),
        ("1.00000000", "multicurrency_tx"),
        ("0.00000000", "total_localtax1 total_localtax2 revenuestamp"),
        (0, "specimen"),
        ([], "extraparams creditnote_ids tab_previous_situation_invoice tab_next_situation_invoice"),
        ("RECEP", "cond_reglement_code"),
        ("Due upon receipt", "cond_reglement_doc"),
        ("VIR", "mode_reglement_code"),
        ("", "location_incoterms date_pointoftax retained_warranty_date_limit"),
    ),
    "line": (
        (
            None,
            (
                "module entity contacts_ids linkedObjectsIds origin_id statut status state_id region_id"
                " demand_reason_id transport_mode_id multicurrency_tx last_main_doc fk_account lines civility_code"
                " date_creation date_validation date_modification tms user_creation_id user_validation_id"
                " user_modification_id totalpaid retained_warranty_fk_cond_reglement fk_unit date_debut_prevue"
                " date_debut_reel date_fin_prevue date_fin_reel weight weight_units length length_units width"
                " width_units height height_units surface surface_units volume volume_units multilangs product_barcode"
                " duree subprice_ttc multicurrency_subprice_ttc label price remise revenuestamp date_start_fill"
                " date_end_fill buy_price_ht buyprice fk_user_author fk_parent_line fk_fournprice tva_npr fk_prev_id"
                " packaging"
            ),
        ),
        ([], "array_options extraparams"),
        (
            "",
            ("ref_ext parent_element fk_parent_attribute vat_src_code marge_tx batch date_start date_end"),
        ),
        ("0.00000000", "total_localtax1 total_localtax2 pa_ht"),
        (0, "specimen fk_code_ventilation"),
        ("0.0000", "localtax1_tx localtax2_tx"),
        ("0", "localtax1_type localtax2_type fk_accounting_account fk_warehouse"),
        ("100", "situation_percent"),
    ),
    "party": (
        (
            None,
            (
                "contacts_ids linkedObjectsIds canvas fk_project contact_id user origin_id statut state_id region_id"
                " barcode_type barcode_type_coder mode_reglement_id cond_reglement_id demand_reason_id"
                " transport_mode_id shipping_method_id multicurrency_tx multicurrency_total_ht multicurrency_total_tva"
                " multicurrency_total_ttc last_main_doc note_public note_private lastname firstname civility_id"
                " civility_code date_validation tms user_validation_id totalpaid retained_warranty_fk_cond_reglement"
                " prefixCustomerIsRequired phone_mobile fax no_email skype twitter facebook linkedin url barcode"
                " idprof7 idprof8 idprof9 idprof10 socialobject managers capital typent_code effectif_id"
                " forme_juridique_code mode_reglement_supplier_id transport_mode_supplier_id code_fournisseur"
                " code_compta_client accountancy_code_customer_general accountancy_code_customer"
                " code_compta_fournisseur accountancy_code_supplier_general accountancy_code_supplier"
                " code_compta_product stcomm_picto price_level outstanding_limit order_min_amount"
                " supplier_order_min_amount parent ip webservices_url webservices_key logo logo_small logo_mini"
                " logo_squarred logo_squarred_small logo_squarred_mini currency_code fk_warehouse termsofsale"
                " bank_account code_compta label_incoterms location_incoterms"
            ),
        ),
        ("1", "country_id user_creation_id tva_assuj"),
        ("FR", "country_code"),
        (
            "0",
            (
                "fk_multicurrency fk_account localtax1_assuj localtax2_assuj typent_id remise_supplier_percent"
                " fournisseur stcomm_id fk_incoterms"
            ),
        ),
        (
            "",
            (
                "multicurrency_code idprof1 idprof2 idprof3 idprof4 idprof5 idprof6 tva_intra effectif"
                " forme_juridique fk_prospectlevel accountancy_code_sell accountancy_code_buy"
            ),
        ),
        (0, "specimen vat_reverse_charge remise_percent prospect"),
        ([], "extraparams SupplierCategories partnerships socialnetworks"),
        ("0.0000", "localtax1_value localtax2_value"),
        ("Never contacted", "status_prospect_label"),
    ),
    "contact": (
        (
            None,
            (
                "module contacts_ids linkedObjectsIds canvas fk_project contact_id user origin_id ref_ext status"
                " country_id state_id region_id barcode_type barcode_type_coder mode_reglement_id cond_reglement_id"
                " demand_reason_id transport_mode_id shipping_method_id fk_multicurrency multicurrency_code"
                " multicurrency_tx multicurrency_total_ht multicurrency_total_tva multicurrency_total_ttc"
                " last_main_doc fk_account note_public note_private name civility_id date_validation tms"
                " user_validation_id totalpaid retained_warranty_fk_cond_reglement birthday_alert civilite fullname"
                " code url no_email photo default_lang ref_facturation ref_contrat ref_commande ref_propal user_id"
                " user_login ip stcomm_picto"
            ),
        ),
        ("1", "entity user_creation_id user_modification_id"),
        ([], "array_options extraparams socialnetworks roles cacheprospectstatus"),
        ("", "country_code name_alias address zip town phone_perso phone_mobile fax birthday fk_prospectlevel"),
        (0, "specimen"),
        ("0", "priv stcomm_id"),
        ("Never contacted", "statut_commercial"),
    ),
    "event": (
        (
            None,
            (
                "module contacts_ids fk_project fk_multicurrency multicurrency_code multicurrency_tx"
                " multicurrency_total_ht multicurrency_total_tva multicurrency_total_ttc last_main_doc note_public"
                " civility_code date_creation date_validation date_modification tms user_creation_id"
                " user_validation_id user_modification_id totalpaid extraparams retained_warranty_fk_cond_reglement"
                " type_color type_picto duree usermodid date_start_in_calendar date_end_in_calendar datep2 ponctuel"
                " fk_task elementid elementtype fk_bookcal_calendar icalname icalcolor email_msgid email_from"
                " email_reply_to email_sender email_to email_tocc email_tobcc email_subject errors_to num_vote ip"
                " recurid recurrule calling_duration"
            ),
        ),
        ("1", "entity"),
        ([], "array_options linkedObjectsIds socpeopleassigned otherassigned reminders"),
        ("0", "status fulldayevent transparency priority event_paid"),
        (0, "specimen"),
        ("50", "type_id"),
        ("system", "type"),
        ("Other (manually inserted events)", "type_label"),
        (-1, "durationp"),
        ("", "location recurdateend"),
    ),
    "product": (
        (
            None,
            (
                "module contacts_ids linkedObjectsIds ref_ext country_id state_id region_id barcode_type"
                " barcode_type_coder fk_multicurrency multicurrency_code multicurrency_tx multicurrency_total_ht"
                " multicurrency_total_tva multicurrency_total_ttc last_main_doc note_public note_private total_ht"
                " total_tva total_localtax1 total_localtax2 total_ttc civility_code date_validation tms"
                " user_creation_id user_validation_id user_modification_id totalpaid"
                " retained_warranty_fk_cond_reglement other price_formated price_ttc_formated price_label level"
                " default_vat_code remise_percent desc_supplier vatrate_supplier default_vat_code_supplier"
                " fourn_multicurrency_price fourn_multicurrency_unitprice fourn_multicurrency_tx"
                " fourn_multicurrency_id fourn_multicurrency_code packaging lifetime qc_frequency cost_price"
                " duration_unit fk_default_workstation tosell tobuy finished fk_default_bom product_fourn_price_id"
                " buyprice tobatch url weight length width height surface volume net_measure net_measure_units barcode"
                " fk_default_warehouse fk_price_expression fourn_qty fk_unit res is_object_used is_sousproduit_qty"
                " is_sousproduit_incdec"
            ),
        ),
        ("1", "entity stockable_product"),
        (
            [],
            (
                "array_options extraparams multiprices multiprices_ttc multiprices_base_type"
                " multiprices_default_vat_code multiprices_min multiprices_min_ttc multiprices_tva_tx prices_by_qty"
                " prices_by_qty_list multilangs stats_proposal_supplier stats_expedition stats_mo stats_bom"
                " stats_facturerec stats_facture_fournisseur stats_facturefournrec sousprods"
            ),
        ),
        (
            "",
            (
                "canvas country_code description duration batch_mask customcode accountancy_code_sell"
                " accountancy_code_sell_intra accountancy_code_sell_export accountancy_code_buy"
                " accountancy_code_buy_intra accountancy_code_buy_export"
            ),
        ),
        (1795469566, "date_creation date_modification"),
        (0, ("specimen duration_value weight_units length_units width_units height_units surface_units volume_units")),
        ("0.00000000", "price_min price_min_ttc pmp"),
        ("HT", "price_base_type"),
        ("0.0000", "localtax1_tx localtax2_tx"),
        (
            "0",
            (
                "localtax1_type localtax2_type seuil_stock_alerte desiredstock status_buy status_batch"
                " sell_or_eat_by_mandatory price_autogen mandatory_period"
            ),
        ),
    ),
}
_BESIDE = {
    kind: dict.fromkeys(_EMPTY_EVERYWHERE.split()) | {name: value for value, names in alike for name in names.split()}
    for kind, alike in _ALIKE.items()
}


def beside(kind, **own):
    """Fields of a record of this kind that no credit depends on; own: those of them that follow from the record."""
    return _BESIDE[kind] | own
