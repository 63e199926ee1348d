package main

import "healthportal/views/ui"

// allIcons lists the whole icon set; a test compares it with the source.
func allIcons() []ui.Icon {
	return []ui.Icon{
		ui.IconHome, ui.IconPatients, ui.IconUser, ui.IconPulse, ui.IconTable, ui.IconReport,
		ui.IconHelix, ui.IconVariant, ui.IconCache, ui.IconJobs, ui.IconChart, ui.IconKey,
		ui.IconShield, ui.IconSettings, ui.IconSearch, ui.IconFilter, ui.IconPrevious, ui.IconNext,
		ui.IconUp, ui.IconDown, ui.IconSort, ui.IconClose, ui.IconMenu, ui.IconPlus,
		ui.IconCheck, ui.IconWarn, ui.IconBad, ui.IconInfo, ui.IconDownload, ui.IconExternal,
		ui.IconRefresh, ui.IconLock, ui.IconSignOut, ui.IconCalendar, ui.IconPrint, ui.IconEmpty,
	}
}
